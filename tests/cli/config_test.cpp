// --config FILE: precedence, and refusals as exact as the command line's.
#include <sys/stat.h>

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
constexpr const char* kText = "a string is in quotes: key = \"text\"";
constexpr const char* kNumber = "a number is written 3, 0.5 or 1e-3, in at most 120 digits";
constexpr const char* kSections =
    "choose one of: train, infer, evaluate, info, runs, compare, report, export, serve, bench";

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
        Refusal{"value", "[train]\nepochs = 0\n", "2: --epochs must be an integer from 1 to 1,000,000, is '0'",
                "give a number in that range"},
        Refusal{"choice", "[train]\narch = \"cmn\"\n", "2: --arch cannot be 'cmn'", "did you mean 'cnn'?"},
        Refusal{"flag", "[train]\ndry-run = 2\n", "2: --dry-run must be true or false", "write dry-run = true"},
        Refusal{"two values", "[train]\nepochs = [1, 2]\n", "2: --epochs takes one value, not 2", "keep one value"},
        Refusal{"key twice", "[train]\nepochs = 1\nepochs = 2\n",
                "3: key-value pair: cannot redefine existing integer 'epochs'", "keep one of the two"},
        Refusal{"section twice", "[train]\n[info]\n[train]\n",
                "3: table header: cannot redefine existing table 'train'", "join the two"},
        Refusal{"no value", "[train]\nepochs =\n", "2: key-value pair: expected value, saw '\\n'", kForm},
        Refusal{"no equals sign", "[train]\nepochs 3\n", "2: key-value pair: expected '=', saw '3'", kForm},
        Refusal{"no key", "[train]\n= 3\n", "2: root table: expected keys, tables, whitespace or comments, saw '='",
                kForm},
        Refusal{"empty key", "[train]\n\"\" = 3\n", "2: a name is empty", kForm},
        Refusal{"no bracket", "[train\n", "1: table header: expected ']', saw '\\n'", kForm},
        Refusal{"text without quotes", "[train]\narch = cnn\n", "2: value: could not determine value type", kText},
        Refusal{"number with a zero before it", "[train]\nepochs = 010\n",
                "2: decimal integer: leading zeroes are prohibited", kNumber},
        Refusal{"number beyond 64 bits", "[train]\nseed = 99999999999999999999\n",
                "2: decimal integer: '99999999999999999999' is not representable in 64 bits", kNumber},
        Refusal{"long number", "[train]\nseed = " + std::string(200'000, '1') + "\n",
                "2: value: numeric value too long to identify type - cannot exceed 126 characters", kNumber},
        Refusal{"fraction for a whole number", "[train]\nepochs = 2.0\n",
                "2: --epochs must be an integer from 1 to 1,000,000, is '2.0'", "give a number in that range"},
        Refusal{"no finite number", "[train]\nlr = inf\n", "2: --lr must be a number from 0 to 1,000,000, is 'inf'",
                "give a number in that range"},
        Refusal{"long text for a number", "[train]\nlr = '" + std::string(200'000, '1') + "'\n",
                "2: --lr must be a number from 0 to 1,000,000, is '" + std::string(100, '1') + "...'",
                "give a number in that range"},
        Refusal{"open string", "[train]\narch = \"cnn\n",
                "2: string: unescaped control characters other than TAB (U+0009) are explicitly prohibited",
                "close the string with the quote it began with, on the same line"},
        Refusal{"open array", "[train]\narch = [\"cnn\"", "2: array: encountered end-of-file", kForm},
        Refusal{"unknown escape", "[train]\noutput = \"C:\\models\"\n", "2: string: unknown escape sequence '\\m'",
                "write \\\\ for a backslash, or use single quotes"},
        Refusal{"rest of a line", "[train]\nepochs = 3 4\n",
                "2: key-value pair: expected a comment or whitespace, saw '4'", kForm},
        Refusal{"control character", "\x01\n",
                "1: root table: expected keys, tables, whitespace or comments, saw '\\u0001'", kForm},
        Refusal{"not UTF-8", "[train]\noutput = 'caf\xE9'\n", "2: Encountered invalid utf-8 sequence",
                "save the file as UTF-8"}));

// What TOML can say and no option takes.
INSTANTIATE_TEST_SUITE_P(
    NotTaken, RefusedConfig,
    ::testing::Values(
        Refusal{"date", "[train]\noutput = 1979-05-27\n", "2: 'output' is a date, which no option accepts", kText},
        Refusal{"date and time", "[train]\noutput = 1979-05-27T07:32:00Z\n",
                "2: 'output' is a date, which no option accepts", kText},
        Refusal{"time", "[train]\noutput = 07:32:00\n", "2: 'output' is a time, which no option accepts", kText},
        Refusal{"nested table", "[train]\n[train.lr]\n", "2: 'lr' is a table in a section",
                "write its keys below [section]"},
        Refusal{"nested dotted key", "train.lr.first = 1\n", "1: 'lr' is a table in a section",
                "write its keys below [section]"},
        Refusal{"inline table", "[train]\nlr = {first = 1}\n", "2: 'lr' is a table in a section",
                "write its keys below [section]"},
        Refusal{"list of tables", "[[train]]\nepochs = 1\n", "1: 'train' is a list of tables",
                "write [section] with one pair of brackets"},
        Refusal{"list in a list", "[train]\nepochs = [1, [2]]\n",
                "2: 'epochs' is a list in a list, which no option accepts", kText},
        Refusal{"table in a list", "[train]\nepochs = [1, {a = 2}]\n",
                "2: 'epochs' is a table in a list, which no option accepts", kText},
        Refusal{"section with a dot", "['a.b']\n", "1: there is no section [a.b]", kSections},
        Refusal{"value of several lines", "[train]\naugment = '''o\nn'''\n", "2: --augment cannot be 'o\\x0an'",
                "did you mean 'on'?"},
        Refusal{"NUL", "[train]\noutput = \"a\\u0000b\"\n", "2: 'output' contains a NUL character", "remove it"},
        Refusal{"escape of a terminal", "[train]\naugment = \"\\u001b[31m\"\n", "2: --augment cannot be '\\x1b[31m'",
                "choose one of: on, off"},
        Refusal{"escape of a terminal in a key", "[train]\n\"\\u001b[31m\" = 1\n",
                "2: mnist train has no option '\\x1b[31m'", "see: mnist train --help"},
        Refusal{"escape of a terminal in a section", "[\"\\u001b[31m\"]\n", "1: there is no section [\\x1b[31m]",
                kSections}));

// Names so deep would end toml++ by a full stack.
TEST(Config, ManyDotsAreRefused) {
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "a.";
  for (const std::string& text : {deep + "a = 1\n", "[" + deep + "a]\n"}) {
    const SubprocessResult result = run_with(text, {"info"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("error: mnist.toml has more than 2,000 dots\n"));
  }
}

// Said before anything is read: a device has no end, and a pipe that nobody writes to would be waited for.
TEST(Config, WhatIsNoFileOfAReasonableSizeIsAUsageError) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  write_file(folder / "large.toml", "# " + std::string(1 << 20, 'x'));
  const auto error = [&](const std::string& path) {
    Subprocess subprocess = program(MNIST_BINARY, {"info", "--config", path});
    subprocess.folder = folder.path();
    const SubprocessResult result = run(subprocess);
    EXPECT_EQ(result.exit_code, 2) << path;
    EXPECT_THAT(result.out, IsEmpty()) << path;
    return result.err;
  };
  EXPECT_EQ(error("/none/mnist.toml"),
            "error: there is no config file '/none/mnist.toml'\nhint: check the path and its spelling\n");
  EXPECT_EQ(error("/"), "error: config file '/' is a folder\nhint: give a file in it\n");
  EXPECT_EQ(error("/dev/zero"), "error: config file '/dev/zero' is a device\nhint: give a file\n");
  EXPECT_EQ(error("pipe"), "error: config file 'pipe' is not a regular file\nhint: copy it into a file first\n");
  EXPECT_EQ(error("large.toml"),
            "error: config file 'large.toml' is too large: 1048578 bytes, the limit is 1048576\n"
            "hint: is this the right file?\n");
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

// However TOML lets it be written.
TEST(Config, ASectionCanBeWrittenInEveryForm) {
  for (const char* text : {"train.data-dir = '/none of these'\n", "train = { data-dir = '/none of these' }\n",
                           "[ \"train\" ]\n'data-dir' = '''/none of these'''\n",
                           "[train]\ndata-dir = \"\"\"\n/none \\\n   of these\"\"\"\n"}) {
    EXPECT_THAT(run_with(text, {"train"}).err, HasSubstr("'/none of these'")) << text;
  }
  for (const char* value : {"1_000", "0x10", "'1000'", "+3"}) {
    const std::string text = std::string("[train]\ndata-dir = '/none'\nepochs = ") + value + "\n";
    EXPECT_EQ(run_with(text, {"train"}).exit_code, 3) << text;
  }
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
  EXPECT_THAT(result.err, HasSubstr("'run-dir' is a command line option only"));
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
  const std::string first =
      train({"train", "--data-dir", "da ta", "--arch", "lenet", "--epochs", "1", "--lr", "0.030", "--seed",
             "9223372036854775807", "--run-dir", "one", "--output", "m.pt", "--device", "cpu"});
  const std::string config = content_of(folder / "one/config.toml");
  EXPECT_THAT(config, AllOf(HasSubstr("[train]\n"), HasSubstr("data-dir = \"da ta\"\n"), HasSubstr("lr = 0.03\n"),
                            HasSubstr("seed = 9223372036854775807\n"), HasSubstr("dry-run = false\n")));
  const std::string second = train({"--config", "one/config.toml", "train", "--run-dir", "two"});
  EXPECT_EQ(second, first);
  EXPECT_EQ(content_of(folder / "two/config.toml"), config);
}

// Texts that look like numbers stay texts, and what TOML must escape comes back.
TEST(Config, EveryTextSurvivesARunsFile) {
  const TemporaryFolder folder;
  const auto train = [&](const std::vector<std::string>& arguments) {
    Subprocess subprocess = program(MNIST_BINARY, arguments);
    subprocess.folder = folder.path();
    const SubprocessResult result = run(subprocess);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  };
  for (const std::string& text : {std::string("1e5"), std::string("true"), std::string("007"), std::string(200, '1'),
                                  std::string("tab\t\"quoted\" \\back\\ '''# \x1b[31m \x7f \xC3\xA4\nline")}) {
    write_small_mnist(folder / text, 64, 32);
    train({"train", "--data-dir", text, "--dry-run", "--run-dir", "one", "--device", "cpu", "--lr", "1e-7"});
    const std::string config = content_of(folder / "one/config.toml");
    EXPECT_THAT(config, HasSubstr("lr = 1e-07\n"));
    train({"--config", "one/config.toml", "train", "--run-dir", "two"});
    EXPECT_EQ(content_of(folder / "two/config.toml"), config);
    for (const char* used : {"one", "two"}) std::filesystem::remove_all(folder / used);
  }
}

// TOML is UTF-8; a file's name need not be.
TEST(Config, ATextThatTomlCannotHoldIsLeftOutOfARunsFile) {
  const TemporaryFolder folder;
  write_small_mnist(folder / "caf\xE9", 64, 32);
  Subprocess subprocess =
      program(MNIST_BINARY, {"train", "--data-dir", "caf\xE9", "--dry-run", "--run-dir", "one", "--device", "cpu"});
  subprocess.folder = folder.path();
  const SubprocessResult result = run(subprocess);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(content_of(folder / "one/config.toml"),
              HasSubstr("\n# data-dir is not UTF-8 and cannot stand here: give it on the command line\n"));
}

// docs/example.toml does what it says.
TEST(ConfigExample, TrainsAndClassifies) {
  const TemporaryFolder folder;
  write_small_mnist(folder / "data", 40, 10);
  const auto mnist = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--config", fixture("../../docs/example.toml")});
    Subprocess subprocess = program(MNIST_BINARY, arguments);
    subprocess.folder = folder.path();
    SubprocessResult result = run(subprocess);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result;
  };
  mnist({"train", "--device", "cpu", "--run-dir", "run"});
  EXPECT_THAT(content_of(folder / "run" / "config.toml"),
              AllOf(HasSubstr("\nkeep-best = \"on\"\n"), HasSubstr("\nschedule = \"cosine\"\n"),
                    HasSubstr("\nlr = 0.001\n"), HasSubstr("\nwarmup-epochs = 0.5\n")));
  EXPECT_THAT(mnist({"infer", "--test-item", "0"}).out, HasSubstr("Prediction: "));
  EXPECT_THAT(mnist({"evaluate"}).out, HasSubstr("Accuracy: "));
}

}  // namespace
}  // namespace mnist::test
