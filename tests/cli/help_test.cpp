// The texts of --help are committed: a change of the interface is seen. UPDATE_GOLDEN=1 in the environment writes them
// anew.
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::IsEmpty;
using ::testing::MatchesRegex;

class Help : public ::testing::TestWithParam<const char*> {};

TEST_P(Help, IsAsCommitted) {
  const std::string command = GetParam();
  const SubprocessResult result =
      run(program(MNIST_BINARY, command == "mnist" ? Arguments{"--help"} : Arguments{command, "--help"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, IsEmpty());
  const std::filesystem::path path = fixture("help/" + command + ".txt");
  if (std::getenv("UPDATE_GOLDEN") != nullptr) write_file(path, result.out);
  EXPECT_EQ(result.out, content_of(path)) << "if this is wanted: UPDATE_GOLDEN=1 mnist_cli_test";
}

TEST_P(Help, FitsInAHundredColumns) {
  std::istringstream lines(content_of(fixture(std::string("help/") + GetParam() + ".txt")));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100U) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
}

TEST_P(Help, IsFoldedToTheTerminal) {
  const std::string command = GetParam();
  Subprocess process = program(MNIST_BINARY, command == "mnist" ? Arguments{"--help"} : Arguments{command, "--help"});
  process.changes["COLUMNS"] = "80";
  const std::string text = run(process).out;
  for (const std::string& line : lines_of(text)) EXPECT_LE(line.size(), 80U) << line;
  const auto words = [](const std::string& from) {
    std::istringstream stream(from);
    return std::vector<std::string>(std::istream_iterator<std::string>(stream), {});
  };
  EXPECT_EQ(words(text), words(content_of(fixture("help/" + command + ".txt"))));
}

INSTANTIATE_TEST_SUITE_P(All, Help,
                         ::testing::Values("mnist", "train", "infer", "evaluate", "info", "runs", "compare", "report",
                                           "export", "serve", "bench", "completion"));

TEST(HelpFlag, HasAShortForm) {
  EXPECT_EQ(run(program(MNIST_BINARY, {"-h"})).out, content_of(fixture("help/mnist.txt")));
  EXPECT_EQ(run(program(MNIST_BINARY, {"train", "-h"})).out, content_of(fixture("help/train.txt")));
}

TEST(HelpFlag, GoesBeforeWhatIsWrong) {
  for (const Arguments& arguments :
       {Arguments{"train", "--epochs", "many", "-h"}, Arguments{"train", "--help", "--nonsense"},
        Arguments{"train", "-h", "--optimizer", "adamm"}, Arguments{"help", "train"}}) {
    const SubprocessResult result = run(program(MNIST_BINARY, arguments));
    EXPECT_EQ(result.exit_code, 0) << arguments[1];
    EXPECT_EQ(result.out, content_of(fixture("help/train.txt"))) << arguments[1];
    EXPECT_THAT(result.err, IsEmpty());
  }
  EXPECT_EQ(run(program(MNIST_BINARY, {"dance", "--help"})).out, content_of(fixture("help/mnist.txt")));
  EXPECT_EQ(run(program(MNIST_BINARY, {"help"})).out, content_of(fixture("help/mnist.txt")));
}

TEST(Version, IsOneLine) {
  for (const Arguments& arguments : {Arguments{"--version"}, Arguments{"-V"}, Arguments{"info", "--version"}}) {
    const SubprocessResult result = run(program(MNIST_BINARY, arguments));
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out, MatchesRegex("mnist [0-9.]+ \\(git [0-9a-z-]+, LibTorch 2\\.[0-9.]+\\)\n"));
    EXPECT_THAT(result.err, IsEmpty());
  }
}

}  // namespace
}  // namespace mnist::test
