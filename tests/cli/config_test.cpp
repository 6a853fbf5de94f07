// --config FILE: precedence, and refusals as exact as the command line's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// `mnist --config <text> arguments...`
SubprocessResult run_with(const std::string& text, const std::vector<std::string>& arguments,
                          const std::map<std::string, std::string>& changes = {}) {
  const TemporaryFolder folder;
  write_file(folder / "mnist.toml", text);
  std::vector<std::string> all = {"--config", "mnist.toml"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  Subprocess subprocess = program(MNIST_BINARY, all, changes);
  subprocess.folder = folder.path();
  return run(subprocess);
}

struct Refusal {
  const char* name;
  std::string text;
  std::string error;
  std::string hint;
};

std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
  return out << refusal.name;
}

class RefusedConfig : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedConfig, NamesFileAndLine) {
  const SubprocessResult result = run_with(GetParam().text, {"info"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_EQ(result.err, "error: mnist.toml:" + GetParam().error + "\nhint: " + GetParam().hint + "\n");
}

constexpr const char* kForm = "a line is: key = value, or [section]";

INSTANTIATE_TEST_SUITE_P(
    All, RefusedConfig,
    ::testing::Values(
        Refusal{"key", "[train]\nepoch = 3\n", "2: mnist train has no option 'epoch'", "did you mean 'epochs'?"},
        Refusal{"underscore", "[train]\nbatch_size = 3\n", "2: mnist train has no option 'batch_size'",
                "did you mean 'batch-size'?"},
        Refusal{"key of the program", "log_level = 'info'\n", "1: mnist has no option 'log_level'",
                "did you mean 'log-level'?"},
        Refusal{"key of the program in a section", "[train]\nconfig = 'x'\n", "2: mnist train has no option 'config'",
                "see: mnist train --help"},
        Refusal{"general key in a section", "[train]\nlog-level = 'info'\n", "2: mnist train has no option 'log-level'",
                "write it above the first [section]"},
        Refusal{"section", "# text\n\n[trian]\nepochs = 3\n", "3: there is no section [trian]",
                "did you mean 'train'?"},
        Refusal{"empty section", "[trian]\n", "1: there is no section [trian]", "did you mean 'train'?"},
        Refusal{"value", "[train]\nepochs = 0\n", "2: --epochs must be 1 to 1,000,000, is '0'",
                "give a number in that range"},
        Refusal{"choice", "[train]\narch = \"cmn\"\n", "2: --arch cannot be 'cmn'", "did you mean 'cnn'?"},
        Refusal{"flag", "[train]\ndry-run = 2\n", "2: --dry-run must be true or false", "write dry-run = true"},
        Refusal{"two values", "[train]\nepochs = [1, 2]\n", "2: --epochs takes one value, not 2",
                "leave the right one"},
        Refusal{"key twice", "[train]\nepochs = 1\nepochs = 2\n", "3: 'epochs' is set twice", "leave one of the two"},
        Refusal{"section twice", "[train]\n[info]\n[train]\n", "3: section [train] stands twice", "join the two"},
        Refusal{"no value", "[train]\nepochs =\n", "2: a value is expected, not end of line", kForm},
        Refusal{"no equals sign", "[train]\nepochs 3\n", "2: '=' is expected behind 'epochs', not '3'", kForm},
        Refusal{"no key", "[train]\n= 3\n", "2: a name is expected, not '='", kForm},
        Refusal{"no bracket", "[train\n", "1: ']' is expected, not end of line", kForm},
        Refusal{"text without quotes", "[train]\narch = cnn\n", "2: the value cnn is no number, true or false",
                "a text is written \"cnn\""},
        Refusal{"open string", "[train]\narch = \"cnn\n", "2: the string is not closed",
                "close it with the quote it began with, on the same line"},
        Refusal{"open array", "[train]\narch = [\"cnn\"", "2: ',' or ']' is expected, not the end of the file", kForm},
        Refusal{"unknown escape", "[train]\noutput = \"C:\\models\"\n", "2: unknown escape in a string",
                "write \\\\ for a backslash, or use single quotes"},
        Refusal{"rest of a line", "[train]\nepochs = 3 4\n", "2: unexpected '4' behind the value", kForm},
        Refusal{"control character", "\x01\n", "1: a name is expected, not character", kForm}));

TEST(Config, AMissingFileIsAUsageError) {
  for (const char* path : {"/none/mnist.toml", "/"}) {
    const SubprocessResult result = run(program(MNIST_BINARY, {"info", "--config", path}));
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("error: there is no config file '" + std::string(path) + "'\n"));
  }
}

TEST(Config, EverythingThatTomlAllowsHereIsRead) {
  const SubprocessResult result = run_with(
      "\xEF\xBB\xBF# comment\r\n"
      "log-level = 'info'   # behind a value\r\n"
      "\r\n"
      "  [ train ]  # a section\r\n"
      "epochs=3\n"
      "lr = 1e-3\n"
      "dry-run = true\n"
      "output = \"a # no comment, \\\"quoted\\\" \\u00e4\\t.pt\"\n"
      "data-dir = [ 'none of \\ these', # the one\n ]\n"
      "[evaluate]\n"
      "[info]",
      {"train"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("none of \\ these"));
}

// The data folder that is missing tells which value was taken.
TEST(Config, CommandLineBeforeFileBeforeEnvironmentBeforeDefault) {
  const std::string file = "[train]\ndata-dir = \"/none/file\"\n";
  const std::map<std::string, std::string> environment = {{"MNIST_DATA_DIR", "/none/environment"}};
  const std::vector<std::string> train = {"train", "--dry-run"};
  const std::vector<std::string> train_line = {"train", "--dry-run", "--data-dir", "/none/line"};
  EXPECT_THAT(run_with(file, train_line, environment).err, HasSubstr("/none/line"));
  EXPECT_THAT(run_with(file, train, environment).err, HasSubstr("/none/file"));
  EXPECT_THAT(run_with("", train, environment).err, HasSubstr("/none/environment"));
  EXPECT_THAT(run_with("", train).err, HasSubstr("the data folder 'data' does not exist"));
}

TEST(Config, AFlagOfTheFileCanBeTakenBack) {
  const std::string file = "[train]\ndry-run = true\nno-cuda = true\n";
  const SubprocessResult taken_back = run_with(file, {"train", "--no-cuda=false", "--device", "cuda:77"});
  EXPECT_EQ(taken_back.exit_code, 4) << taken_back.err;
  const SubprocessResult contradiction = run_with(file, {"train", "--device", "cuda"});
  EXPECT_EQ(contradiction.exit_code, 2);
  EXPECT_THAT(contradiction.err, HasSubstr("--no-cuda contradicts --device cuda"));
  EXPECT_THAT(run_with(file, {"train", "--data-dir", "/none"}, {{"MNIST_DEVICE", "cuda"}}).err, HasSubstr("/none"));
}

TEST(Config, WhatStandsOnTheCommandLineOnlyIsSaidSo) {
  const SubprocessResult result = run_with("[train]\nrun-dir = 'x'\n", {"train"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("'run-dir' stands on the command line only"));
}

TEST(Config, AnotherCommandsSectionChangesNothing) {
  const SubprocessResult result = run_with("[train]\nepochs = 3\n[evaluate]\nmodel = 'x.pt'\n", {"info"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

// The file that a run leaves repeats it: the same options once more give the same file.
TEST(Config, ARunsOwnFileGivesTheSameRun) {
  const TemporaryFolder folder;
  write_small_mnist(folder / "da ta", 128, 64);
  const auto train = [&](const std::vector<std::string>& arguments) {
    Subprocess subprocess = program(MNIST_BINARY, arguments);
    subprocess.folder = folder.path();
    const SubprocessResult result = run(subprocess);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  };
  const std::string first = train({"train", "--data-dir", "da ta", "--arch", "lenet", "--epochs", "1", "--lr", "0.030",
                                   "--seed", "7", "--run-dir", "one", "--output", "m.pt", "--device", "cpu"});
  const std::string config = content_of(folder / "one/config.toml");
  EXPECT_THAT(config, AllOf(HasSubstr("[train]\n"), HasSubstr("data-dir = \"da ta\"\n"), HasSubstr("lr = 0.030\n"),
                            HasSubstr("seed = 7\n"), HasSubstr("dry-run = false\n")));
  const std::string second = train({"--config", "one/config.toml", "train", "--run-dir", "two"});
  EXPECT_EQ(second, first);
  EXPECT_EQ(content_of(folder / "two/config.toml"), config);
}

}  // namespace
}  // namespace mnist::test
