// The manual page describes the whole program, and the programs that show such pages find nothing wrong with it.
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string page() {
  const SubprocessResult result = run(program(MNIST_BINARY, {"man"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, IsEmpty());
  return result.out;
}

// Without roff's fonts and escapes.
std::string plain(std::string text) {
  for (const auto& [escape, character] :
       {std::pair{"\\fB", ""}, {"\\fI", ""}, {"\\fR", ""}, {"\\:", ""}, {"\\-", "-"}, {"\\(aq", "'"}, {"\\&", ""}}) {
    for (std::size_t at = 0; (at = text.find(escape, at)) != std::string::npos;)
      text.replace(at, std::string(escape).size(), character);
  }
  return text;
}

std::string help_of(const std::string& command) {
  return run(program(MNIST_BINARY, {command, "--help"})).out;
}

TEST(Man, DescribesEveryOption) {
  const std::string text = plain(page());
  std::size_t options = 0;
  for (const char* command :
       {"train", "infer", "evaluate", "info", "runs", "compare", "report", "export", "serve", "bench", "completion"}) {
    EXPECT_THAT(text, HasSubstr(std::string(".SS mnist ") + command + "\n"));
    for (const std::string& line : lines_of(help_of(command))) {
      if (!line.starts_with("  -")) continue;
      const std::string syntax = line.substr(2, line.find("  ", 2) - 2);
      EXPECT_THAT(text, HasSubstr("\n" + syntax + "\n")) << command;
      ++options;
    }
  }
  EXPECT_GT(options, 100U);
  for (const char* part : {".SH ENVIRONMENT\n", "\nMNIST_DATA_DIR\n", ".SH FILES\n", ".SH EXIT STATUS\n",
                           "\n75\nanother process of the run was lost\n", ".SH SEE ALSO\n"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(Man, GivesExamplesThatTheParserAccepts) {
  const std::string text = plain(page());
  std::size_t examples = 0;
  for (const std::string& line : lines_of(text.substr(text.find(".SH EXAMPLES\n")))) {
    if (!line.starts_with("mnist ")) continue;
    ++examples;
    std::istringstream words(line);
    std::string word;
    std::string command;
    words >> word >> command;
    const std::string help = help_of(command);
    while (words >> word) {
      if (!word.starts_with("--")) continue;
      EXPECT_THAT(help, HasSubstr("  " + word + " ")) << line;
    }
  }
  EXPECT_GE(examples, 5U);
}

class ManReader : public ::testing::TestWithParam<const char*> {};

TEST_P(ManReader, WarnsOfNothing) {
  const std::string command = GetParam();
  const std::string reader = command.substr(0, command.find(' '));
  if (run({.command = {"/bin/sh", "-c", "command -v " + reader}}).exit_code != 0) {
    GTEST_SKIP() << "this machine has no " << reader;
  }
  const TemporaryFolder folder;
  write_file(folder / "mnist.1", page());
  const SubprocessResult result =
      run({.command = {"/bin/sh", "-c", command + " ./mnist.1"},
           .changes = {{"MANWIDTH", "80"}, {"LC_ALL", "C.UTF-8"}, {"MANPAGER", "cat"}, {"PAGER", "cat"}},
           .folder = folder.path()});
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.err, IsEmpty());
  if (reader == "mandoc") {
    EXPECT_THAT(result.out, IsEmpty());
  } else {
    EXPECT_THAT(result.out, HasSubstr("mobilenet_v3_small"));
  }
}

INSTANTIATE_TEST_SUITE_P(All, ManReader,
                         ::testing::Values("man --warnings --local-file", "groff -man -ww -Tutf8",
                                           "mandoc -T lint -W warning"),
                         [](const auto& test) {
                           const std::string command = test.param;
                           return command.substr(0, command.find(' '));
                         });

}  // namespace
}  // namespace mnist::test
