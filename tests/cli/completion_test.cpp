// Each shell loads its script and offers what the parser accepts: the shells themselves are asked. A shell that the
// machine lacks is skipped.
#include <algorithm>
#include <set>
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
using Names = std::set<std::string>;

bool has_command(const std::string& name) {
  return run({.command = {"/bin/sh", "-c", "command -v " + name}}).exit_code == 0;
}

// What remains of a candidate without the part that is typed before it, and without what a shell adds to it.
std::string plain_candidate(std::string text) {
  text = text.substr(0, text.find('\t'));  // fish's description follows
  text.erase(0, text.find_last_of("=,") + 1);
  if (text.ends_with('/')) text.pop_back();
  return text;
}

// The words of a command line as bash divides it, quoted: "=" is a word of its own.
std::string bash_words(const std::string& line) {
  std::string spaced;
  for (const char c : line) spaced += c == '=' ? std::string(" = ") : std::string(1, c);
  std::istringstream words(spaced);
  std::string out;
  for (std::string word; words >> word;) out += "'" + word + "' ";
  return line.ends_with(' ') ? out + "''" : out;
}

class Completion : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!has_command(shell_)) GTEST_SKIP() << "this machine has no " << shell_;
    const SubprocessResult script = run(program(MNIST_BINARY, {"completion", shell_}));
    ASSERT_EQ(script.exit_code, 0) << script.err;
    EXPECT_THAT(script.err, IsEmpty());
    write_file(folder_ / "load" / "_mnist", script.out);
    for (const char* name : {"picture.png", "notes.txt", "photos/train.txt"}) write_file(folder_ / "here" / name, "");
  }

  // What the shell offers for the end of `line`.
  Names candidates(const std::string& line) const {
    const std::string script = (folder_ / "load" / "_mnist").string();
    Subprocess ask{.changes = {{"HOME", folder_.path().string()}, {"TERM", "xterm"}}, .folder = folder_ / "here"};
    if (shell_ == "bash") {
      ask.command = {"/usr/bin/env", "bash", "--norc", "-uc",
                     "source '" + script + "'; COMP_WORDS=(" + bash_words(line) +
                         "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _mnist; "
                         "[ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' \"${COMPREPLY[@]}\""};
    } else if (shell_ == "zsh") {
      ask.command = {"/usr/bin/env",
                     "zsh",
                     "-f",
                     fixture("../cli/zsh_candidates.zsh").string(),
                     (folder_ / "load").string(),
                     line};
    } else {
      ask.command = {"/usr/bin/env", "fish", "--no-config", "-c",
                     "source '" + script + "'; complete -C '" + line + "'"};
    }
    const SubprocessResult result = run(ask);
    EXPECT_EQ(result.exit_code, 0) << line << "\n" << result.err;
    EXPECT_THAT(result.err, IsEmpty()) << line;
    Names names;
    for (const std::string& candidate : lines_of(result.out)) names.insert(plain_candidate(candidate));
    return names;
  }

  const std::string shell_ = GetParam();
  const TemporaryFolder folder_;
};

// The names that the help of a command lists in its left column.
Names long_options(const std::string& command) {
  Names names;
  for (const std::string& line : lines_of(run(program(MNIST_BINARY, {command, "--help"})).out)) {
    if (!line.starts_with("  -")) continue;
    std::istringstream words(line.substr(line.find("--")));
    std::string name;
    words >> name;
    names.insert(name);
  }
  return names;
}

Names commands() {
  Names names;
  bool listed = false;
  for (const std::string& line : lines_of(run(program(MNIST_BINARY, {"--help"})).out)) {
    if (line.empty()) listed = false;
    if (listed && line[2] != ' ') names.insert(line.substr(2, line.find(' ', 2) - 2));
    if (line == "Commands:") listed = true;
  }
  return names;
}

TEST_P(Completion, OffersTheCommands) {
  EXPECT_THAT(commands(), ::testing::IsSupersetOf({"train", "infer", "completion", "help"}));
  EXPECT_EQ(candidates("mnist "), commands());
  EXPECT_EQ(candidates("mnist tr"), Names{"train"});
  EXPECT_EQ(candidates("mnist help ev"), Names{"evaluate"});
}

TEST_P(Completion, OffersTheOptionsOfEachCommand) {
  for (const std::string& command : commands()) {
    const Names expected = long_options(command);
    EXPECT_THAT(expected, ::testing::Contains("--config")) << command;
    EXPECT_EQ(candidates("mnist " + command + " --"), expected) << command;
  }
  EXPECT_EQ(candidates("mnist --color always train --opt"), Names{"--optimizer"});
  EXPECT_EQ(candidates("mnist --log-file train --ver"), Names{"--version"}) << "train is the name of the file";
}

TEST_P(Completion, OffersTheValuesOfOptions) {
  const Names networks = {"resnet18", "resnet34", "resnet50"};
  EXPECT_EQ(candidates("mnist train --arch res"), networks);
  EXPECT_EQ(candidates("mnist train --arch=res"), networks);
  EXPECT_EQ(candidates("mnist --color=always train --optimizer a"), (Names{"adadelta", "adam", "adamw"}));
  EXPECT_EQ(candidates("mnist train --augment="), (Names{"on", "off"}));
  EXPECT_EQ(candidates("mnist bench --arch cnn,le"), Names{"lenet"});
  EXPECT_EQ(candidates("mnist bench m"), Names{"matmul"});
  EXPECT_EQ(candidates("mnist completion "), (Names{"bash", "zsh", "fish"}));
  for (const char* number : {"mnist train --epochs ", "mnist train --stop-after ", "mnist info --watch "})
    EXPECT_THAT(candidates(number), IsEmpty()) << number;
}

TEST_P(Completion, OffersFilesOrFoldersWhereTheyBelong) {
  const Names all = {"picture.png", "notes.txt", "photos"};
  EXPECT_EQ(candidates("mnist infer "), all);
  EXPECT_EQ(candidates("mnist infer -- "), all);
  EXPECT_EQ(candidates("mnist infer --image "), all);
  EXPECT_EQ(candidates("mnist info n"), Names{"notes.txt"});
  EXPECT_EQ(candidates("mnist train --output=pic"), Names{"picture.png"});
  EXPECT_EQ(candidates("mnist train --data-dir "), Names{"photos"});
  EXPECT_EQ(candidates("mnist train --weights n"), (Names{"none", "notes.txt"}));
}

TEST_P(Completion, KnowsOptionsThatCanBeWithoutAValue) {
  EXPECT_EQ(candidates("mnist train --resume "), (Names{"auto", "photos"}));
  EXPECT_EQ(candidates("mnist train --resume=a"), Names{"auto"});
  EXPECT_EQ(candidates("mnist train --resume --sch"), Names{"--schedule"});
}

INSTANTIATE_TEST_SUITE_P(All, Completion, ::testing::Values("bash", "zsh", "fish"),
                         [](const auto& test) { return std::string(test.param); });

TEST(CompletionCommand, NamesTheShells) {
  const SubprocessResult unknown = run(program(MNIST_BINARY, {"completion", "zhs"}));
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_EQ(unknown.err, "error: SHELL cannot be 'zhs'\nhint: did you mean 'zsh'?\n");
  const SubprocessResult none = run(program(MNIST_BINARY, {"completion"}));
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("SHELL"));
}

}  // namespace
}  // namespace mnist::test
