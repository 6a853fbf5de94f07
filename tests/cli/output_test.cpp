// Where the program writes: closed descriptors, streams, pipes, folders that are not there.
#include <csignal>
#include <cstddef>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"

#include "support/memory_limit.hpp"
#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Outputs : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    write_small_mnist(*folder_ / "data", 20, 20);
    write_model(*folder_ / "m.pt");
    ASSERT_EQ(run(mnist({"infer", "--model", "m.pt", "--test-item", "1", "--save-image", "digit.png"})).exit_code, 0);
  }
  static void TearDownTestSuite() { delete folder_; }

  static void write_model(const std::filesystem::path& path) {
    const ModelInfo& info = model_info("lenet");
    Recipe recipe;
    recipe.arch = "lenet";
    recipe.class_names = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    recipe.preprocessing = info.preprocessing;
    recipe.training.dataset = "mnist";
    write_model_file(path, state_dict(*make_network(info, 10, 1)), recipe);
  }

  static Subprocess mnist(const std::vector<std::string>& arguments) {
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_->path();
    process.changes["MNIST_DATA_DIR"] = "data";
    process.changes["MNIST_DEVICE"] = "cpu";
    return process;
  }

  // `mnist arguments...` as a shell starts it with `redirection`: "\"$@\" >> file".
  static SubprocessResult in_shell(const std::string& redirection, const std::vector<std::string>& arguments) {
    Subprocess process = mnist(arguments);
    process.command.insert(process.command.begin(), {"/bin/sh", "-c", redirection, "sh"});
    return run(process);
  }

  static std::string results() { return run(mnist({"infer", "--model", "m.pt", "digit.png", "digit.png"})).out; }

  static inline TemporaryFolder* folder_ = nullptr;
};

TEST_F(Outputs, AStdoutThatIsClosedIsAnError) {
  const SubprocessResult result = in_shell("\"$@\" >&-", {"infer", "--model", "m.pt", "digit.png"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err,
            "error: cannot write to stdout: Bad file descriptor\nhint: stdout is closed: open it, as in: > FILE\n");
}

// What is printed must not land in the file that is opened next.
TEST_F(Outputs, NothingIsPrintedIntoAFileInThePlaceOfAClosedDescriptor) {
  for (const char* closed : {"\"$@\" <&-", "\"$@\" 2>&-", "\"$@\" <&- >&- 2>&-"}) {
    std::filesystem::remove(*folder_ / "r.tsv");
    const SubprocessResult result = in_shell(closed, {"infer", "--model", "m.pt", "digit.png", "digit.png", "none.png",
                                                      "--output", "r.tsv", "--log-level", "trace"});
    EXPECT_EQ(result.exit_code, 3) << closed;
    EXPECT_EQ(content_of(*folder_ / "r.tsv"), results()) << closed;
  }
}

TEST_F(Outputs, StdoutByItsNameIsWrittenToAndNotReplaced) {
  for (const char* name : {"-", "/dev/stdout"}) {
    write_file(*folder_ / "all.txt", "before\n");
    const SubprocessResult result =
        in_shell("\"$@\" >> all.txt", {"infer", "--model", "m.pt", "digit.png", "digit.png", "--output", name});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(content_of(*folder_ / "all.txt"), "before\n" + results()) << name;
  }
}

TEST_F(Outputs, AMessageThatCannotBeWrittenChangesNothing) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const SubprocessResult result =
      in_shell("\"$@\" 2>/dev/full", {"infer", "--model", "m.pt", "digit.png", "none.png", "digit.png"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, results());
  EXPECT_EQ(in_shell("\"$@\" 2>/dev/full", {"dance"}).exit_code, 2);
}

TEST_F(Outputs, AProbabilityMayBeNearlyZero) {
  ModelFile file = read_model_file(*folder_ / "m.pt");
  for (auto& [name, tensor] : file.state) {
    if (name == "fc2.bias") tensor[9] = -725;  // exp(-725) is subnormal
  }
  write_model_file(*folder_ / "sure.pt", file.state, *file.recipe);
  const SubprocessResult result =
      run(mnist({"infer", "--model", "sure.pt", "digit.png", "--format", "json", "--top-k", "10"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("e-31"));
}

TEST_F(Outputs, AWriteProtectedFileIsKept) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write every file";
  write_file(*folder_ / "kept.txt", "mine\n");
  ::chmod((*folder_ / "kept.txt").c_str(), 0444);
  const SubprocessResult result = run(mnist({"infer", "--model", "m.pt", "digit.png", "--output", "kept.txt"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(content_of(*folder_ / "kept.txt"), "mine\n");
}

TEST_F(Outputs, WordsAfterTwoDashesAreFiles) {
  for (const char* name : {"--help", "-dash.png", "plain.png"}) {
    std::filesystem::copy_file(*folder_ / "digit.png", *folder_ / name);
  }
  const SubprocessResult result =
      run(mnist({"infer", "--model", "m.pt", "digit.png", "--", "--help", "-dash.png", "plain.png"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(StartsWith("digit.png\t"), HasSubstr("\n./--help\t"), HasSubstr("\n./-dash.png\t"),
                                HasSubstr("\nplain.png\t")));
  EXPECT_THAT(run(mnist({"infer", "--model", "m.pt", "digit.png", "-dash.png"})).err,
              HasSubstr("hint: the file of this name is ./-dash.png\n"));
}

TEST_F(Outputs, StoppedResultsAreKeptBesideTheFile) {
  write_file(*folder_ / "old.csv", "old\n");
  std::vector<std::string> arguments = {"infer", "--model",      "m.pt", "--output",     "old.csv", "--format",
                                        "csv",   "--batch-size", "1",    "--files-from", "list"};
  std::string list = "none.png\n";
  for (int i = 0; i < 20'000; ++i) list += "digit.png\n";
  write_file(*folder_ / "list", list);
  Subprocess process = mnist(arguments);
  process.watch_stderr = true;
  process.signal_when = [](const std::string& err) { return err.find("none.png") != std::string::npos; };
  process.signal = SIGINT;
  // The first picture fails, the signal comes while the others are read.
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_EQ(content_of(*folder_ / "old.csv"), "old\n");
  EXPECT_THAT(result.err, HasSubstr("results so far: 'old.csv.part'\n"));
  EXPECT_THAT(content_of(*folder_ / "old.csv.part"), StartsWith("path,prediction,"));
}

TEST_F(Outputs, APipeGetsTheResults) {
  const SubprocessResult result = in_shell("mkfifo pipe && { cat pipe > got & } && \"$@\" && wait",
                                           {"infer", "--model", "m.pt", "digit.png", "digit.png", "--output", "pipe"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(content_of(*folder_ / "got"), results());
  EXPECT_TRUE(std::filesystem::is_fifo(*folder_ / "pipe"));
}

TEST_F(Outputs, APipeGetsAModelOrAPicture) {
  ASSERT_EQ(::mkfifo((*folder_ / "pipe.pt").c_str(), 0600), 0);
  std::string read;
  std::thread reader([&] { read = content_of(*folder_ / "pipe.pt"); });
  write_model(*folder_ / "pipe.pt");
  reader.join();
  EXPECT_EQ(read, content_of(*folder_ / "m.pt"));
  const SubprocessResult result = in_shell("mkfifo pipe.png && { cat pipe.png > got.png & } && \"$@\" && wait",
                                           {"evaluate", "--model", "m.pt", "--confusion", "pipe.png"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(content_of(*folder_ / "got.png"), StartsWith("\x89PNG"));
}

TEST_F(Outputs, FoldersThatAreMissingAreMade) {
  const SubprocessResult result =
      run(mnist({"evaluate", "--model", "m.pt", "--confusion", "a/b/c.png", "--misclassified", "d/m.csv"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(*folder_ / "a/b/c.png"));
  EXPECT_TRUE(std::filesystem::exists(*folder_ / "d/m.csv"));
  EXPECT_EQ(run(mnist({"infer", "--model", "m.pt", "digit.png", "--output", "e/f/r.tsv"})).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(*folder_ / "e/f/r.tsv"));
  const SubprocessResult impossible = run(mnist({"infer", "--model", "m.pt", "digit.png", "--output", "m.pt/r.tsv"}));
  EXPECT_EQ(impossible.exit_code, 3);
  EXPECT_THAT(impossible.err, StartsWith("error: cannot create the folder 'm.pt'"));
}

TEST_F(Outputs, TheEmptyTextIsNoPath) {
  const auto refused = [](const std::vector<std::string>& arguments) {
    const SubprocessResult result = run(mnist(arguments));
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, StartsWith("error: " + *(arguments.end() - 2) + " is empty: it must be a path\nhint: "));
    EXPECT_THAT(result.out, IsEmpty());
  };
  refused({"infer", "--model", "m.pt", "digit.png", "--output", ""});
  refused({"infer", "--model", "m.pt", "digit.png", "--annotate", ""});
  refused({"infer", "--model", "m.pt", "--test-item", "1", "--save-image", ""});
  refused({"evaluate", "--model", "m.pt", "--confusion", ""});
  refused({"evaluate", "--model", "m.pt", "--misclassified", ""});
  refused({"info", "--log-file", ""});
}

// One batch of all items: its first layer gives 2.8 GB.
TEST_F(Outputs, TooLittleMemoryNamesTheOptionToTurnDown) {
  if (!kMemoryIsCounted) GTEST_SKIP() << "the sanitizers reserve more addresses than the limit allows";
  constexpr std::size_t kItems = 60'000;
  const std::string images = std::string("\0\0\x08\x03\0\0\xEA\x60\0\0\0\x1C\0\0\0\x1C", 16);
  const std::string labels = std::string("\0\0\x08\x01\0\0\xEA\x60", 8);
  write_file(*folder_ / "many/t10k-images-idx3-ubyte", images + std::string(kItems * 28 * 28, '\0'));
  write_file(*folder_ / "many/t10k-labels-idx1-ubyte", labels + std::string(kItems, '\0'));
  const SubprocessResult result =
      in_shell("ulimit -v 2500000 && exec \"$@\"", {"evaluate", "--model", "m.pt", "--data-dir", "many", "--batch-size",
                                                    "60000", "--kernels", "libtorch", "--threads", "1"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("error: not enough memory"), HasSubstr("\nhint: use a smaller --batch-size;")));
}

}  // namespace
}  // namespace mnist::test
