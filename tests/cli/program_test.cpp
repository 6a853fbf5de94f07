// The program as a process: where its output goes, colours, exit codes, and `mnist info`.
#include "support/program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Program, AFullDiskBehindStdoutIsAnError) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"info"}, {"--help"}, {"--version"}}) {
    Subprocess full = program(MNIST_BINARY, arguments);
    full.output = "/dev/full";
    const SubprocessResult result = run(full);
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_THAT(result.err, AllOf(StartsWith("error: cannot write to stdout"), HasSubstr("hint: ")));
  }
}

TEST(Program, ColoursOnlyWhereAskedForOrOnATerminal) {
  EXPECT_THAT(run(program(MNIST_BINARY, {"trian"})).err, Not(HasSubstr("\x1b")));
  const auto err_with = [](const char* color, const char* no_color) {
    return run(program(MNIST_BINARY, {"--color", color, "info", "/none"}, {{"NO_COLOR", no_color}})).err;
  };
  EXPECT_THAT(err_with("always", "1"), StartsWith("\x1b[1;31merror:\x1b[0m "));
  EXPECT_THAT(err_with("never", ""), StartsWith("error: "));
  EXPECT_THAT(err_with("auto", ""), StartsWith("error: "));
}

TEST(Program, GeneralOptionsStandBehindTheCommandAsWell) {
  const TemporaryFolder folder;
  Subprocess info = program(MNIST_BINARY, {"info", "none.pt", "--log-level", "off", "--log-file", "log.txt"});
  info.folder = folder.path();
  const SubprocessResult result = run(info);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, StartsWith("error: there is no model file 'none.pt'\nhint: "));
  EXPECT_THAT(content_of(folder / "log.txt"), HasSubstr(" error there is no model file 'none.pt'\n"));
}

TEST(Program, ALogFileThatCannotBeWrittenIsADataError) {
  const SubprocessResult result = run(program(MNIST_BINARY, {"info", "--log-file", "/"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, StartsWith("error: cannot write the log file '/'"));
}

TEST(Info, TellsAboutProgramAndMachine) {
  const SubprocessResult text = run(program(MNIST_BINARY, {"info"}));
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.err, IsEmpty());
  EXPECT_THAT(text.out, AllOf(StartsWith("mnist "), HasSubstr("\nLibTorch 2."), HasSubstr("\nCPU: "),
                              HasSubstr("\nCUDA: "), HasSubstr("\n--device auto: ")));
  const SubprocessResult json = run(program(MNIST_BINARY, {"info", "--format", "json"}));
  const nlohmann::json info = nlohmann::json::parse(json.out);
  EXPECT_EQ(json.out.find('\n'), json.out.size() - 1);
  EXPECT_GE(info["cpu"]["allowed_cores"], 1);
  EXPECT_EQ(info["cuda"]["usable"].get<bool>(), info["cuda"]["reason"].get<std::string>().empty());
}

TEST(Info, DescribesTheModelInAFile) {
  const TemporaryFolder folder;
  write_small_mnist(folder / "data", 64, 64);
  Subprocess mnist = program(MNIST_BINARY, {"train", "--arch", "lenet", "--epochs", "1", "--seed", "7", "--output",
                                            "m.pt", "--run-dir", "run", "--device", "cpu"});
  mnist.folder = folder.path();
  ASSERT_EQ(run(mnist).exit_code, 0);

  mnist.command = {MNIST_BINARY, "info", "m.pt"};
  const std::string text = run(mnist).out;
  EXPECT_THAT(text, AllOf(StartsWith("file: 'm.pt', PyTorch zip\nnetwork: lenet\nparameters: "),
                          HasSubstr("\nclasses: 10: 0, 1, 2, "), HasSubstr("\ninput: digit, 1 x 28 x 28, mean 0.1307"),
                          HasSubstr("\ntraining: mnist, 1 epoch, seed 7, "), Not(HasSubstr("conv1.weight"))));
  mnist.command.push_back("--tensors");
  EXPECT_THAT(run(mnist).out, AllOf(StartsWith(text), HasSubstr("\n  conv1.weight float [")));
  mnist.command.insert(mnist.command.end(), {"--format", "json"});
  const nlohmann::json json = nlohmann::json::parse(run(mnist).out);
  EXPECT_EQ(json["arch"], "lenet");
  EXPECT_EQ(json["recipe"], true);
  EXPECT_EQ(json["class_names"].size(), 10U);
  EXPECT_EQ(json["training"]["seed"], 7);
  EXPECT_EQ(json["preprocessing"]["height"], 28);
  EXPECT_EQ(json["tensors"][0]["name"], "conv1.weight");
}

TEST(Info, TensorsAreThoseOfAFile) {
  const SubprocessResult result = run(program(MNIST_BINARY, {"info", "--tensors"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--tensors needs a model file"));
}

TEST(Info, AFileThatIsNoModelIsADataError) {
  const TemporaryFolder folder;
  write_file(folder / "text.pt", "this is no model");
  const SubprocessResult result = run(program(MNIST_BINARY, {"info", (folder / "text.pt").string()}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, AllOf(StartsWith("error: "), HasSubstr("text.pt"), HasSubstr("\nhint: ")));
}

}  // namespace
}  // namespace mnist::test
