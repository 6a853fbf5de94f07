// The program as a process: where its output goes, colours, exit codes, and `mnist info`.
#include "support/program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

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
