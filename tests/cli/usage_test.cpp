// What is wrong with a command line is said in one line, with a hint that works, and exit code 2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct Mistake {
  const char* name;
  Arguments arguments;
  std::string error;
  std::string hint;
};

std::ostream& operator<<(std::ostream& out, const Mistake& mistake) {
  return out << mistake.name;
}

class UsageMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(UsageMistake, IsAnsweredInTwoLines) {
  const SubprocessResult result = run(program(MNIST_BINARY, GetParam().arguments));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_EQ(result.err, "error: " + GetParam().error + "\nhint: " + GetParam().hint + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    All, UsageMistake,
    ::testing::Values(
        Mistake{"command", {"trian"}, "there is no command 'trian'", "did you mean 'train'?"},
        Mistake{"another program's command", {"predict", "x.png"}, "there is no command 'predict'", "use 'infer'"},
        Mistake{
            "help of an unknown command", {"help", "trian"}, "there is no command 'trian'", "did you mean 'train'?"},
        Mistake{"unknown command",
                {"dance", "--epochs", "3"},
                "there is no command 'dance'",
                "choose one of: train, infer, evaluate, info, runs, compare, report, export, serve, bench, completion, "
                "man, help"},
        Mistake{"empty command",
                {""},
                "there is no command ''",
                "choose one of: train, infer, evaluate, info, runs, compare, report, export, serve, bench, completion, "
                "man, help"},
        Mistake{"empty value",
                {"infer", "--output=", "x.png", "y.png"},
                "--output needs a value",
                "write the value directly after '='"},
        Mistake{"command after --",
                {"--", "train", "--epochs", "1"},
                "there is a '--' before the command",
                "write the command first: mnist COMMAND ..."},
        Mistake{"two outputs on stdout",
                {"evaluate", "--misclassified", "-"},
                "stdout is for the figures, and --misclassified writes to it, too",
                "name a file with --misclassified; --format json has the misclassified items"},
        Mistake{"another command's option",
                {"evaluate", "--quiet"},
                "mnist evaluate has no option '--quiet'",
                "use --log-level warning"},
        Mistake{"option for an argument",
                {"report", "--model", "m.pt"},
                "mnist report has no option '--model'",
                "write the file without --model: mnist report FILE"},
        Mistake{"a log in the place of results",
                {"infer", "x.png", "--output", "a/../r.txt", "--log-file", "r.txt"},
                "--output and --log-file give the same file",
                "give different files"},
        Mistake{
            "report of stdin", {"report", "-"}, "report does not read stdin", "give a run directory or a model file"},
        Mistake{"stderr as a log file",
                {"info", "--log-file", "-"},
                "--log-file cannot be '-'",
                "omit it: the log goes to stderr already; a file of that name is ./-"},
        Mistake{"two lists",
                {"infer", "--files-from", "a", "--files-from", "b"},
                "--files-from is given twice, and only one list is read",
                "join the lists, as in: cat a.txt b.txt | mnist infer --files-from -"},
        Mistake{"option", {"train", "--epoch", "3"}, "mnist train has no option '--epoch'", "did you mean '--epochs'?"},
        Mistake{"option with its value",
                {"train", "--bach-size=3"},
                "mnist train has no option '--bach-size'",
                "did you mean '--batch-size'?"},
        Mistake{"unknown option",
                {"train", "--zoom", "3"},
                "mnist train has no option '--zoom'",
                "see: mnist train --help"},
        Mistake{"unknown short option", {"info", "-x"}, "mnist info has no option '-x'", "see: mnist info --help"},
        Mistake{"one dash", {"train", "-epochs", "3"}, "there is no option '-epochs' here", "did you mean '--epochs'?"},
        Mistake{"general option behind the command",
                {"info", "--log-levle", "debug"},
                "mnist info has no option '--log-levle'",
                "did you mean '--log-level'?"},
        Mistake{"option before its command",
                {"--epochs", "3", "train"},
                "there is no option '--epochs' here",
                "write it after 'train'"},
        Mistake{"argument that is not taken",
                {"train", "data"},
                "mnist train takes no argument 'data'",
                "see: mnist train --help"},
        Mistake{"folder that is a stream",
                {"infer", "--annotate", "-", "--image", "a.png"},
                "--annotate writes several files, and '-' is no folder for them",
                "name a folder"},
        Mistake{"number too small",
                {"train", "--epochs", "0"},
                "--epochs must be an integer from 1 to 1,000,000, is '0'",
                "give a number in that range"},
        Mistake{"number too large",
                {"train", "--epochs", "99999999999999999999"},
                "--epochs must be an integer from 1 to 1,000,000, is '99999999999999999999'",
                "give a number in that range"},
        Mistake{"no number",
                {"train", "--epochs", "two"},
                "--epochs must be an integer from 1 to 1,000,000, is 'two'",
                "give a number in that range"},
        Mistake{"octal",
                {"train", "--epochs", "010"},
                "--epochs must be an integer from 1 to 1,000,000, is '010'",
                "give a number in that range"},
        Mistake{"fraction",
                {"train", "--epochs", "1.5"},
                "--epochs must be an integer from 1 to 1,000,000, is '1.5'",
                "give a number in that range"},
        Mistake{"rate that is no number",
                {"train", "--lr", "nan"},
                "--lr must be a number from 0 to 1,000,000, is 'nan'",
                "give a number in that range"},
        Mistake{"no value", {"train", "--epochs"}, "--epochs needs a value", "see: mnist train --help"},
        Mistake{"value of a flag",
                {"train", "--dry-run=7"},
                "--dry-run takes no value, and is given '7'",
                "write --dry-run alone; --dry-run=false overrides a config file"},
        Mistake{"choice", {"train", "--arch", "cnm"}, "--arch cannot be 'cnm'", "did you mean 'cnn'?"},
        Mistake{
            "the opposite is nearest", {"train", "--shuffle", "no"}, "--shuffle cannot be 'no'", "did you mean 'off'?"},
        Mistake{"beginning of several",
                {"train", "--arch", "resnet"},
                "--arch cannot be 'resnet'",
                "did you mean 'resnet18', 'resnet34' or 'resnet50'?"},
        Mistake{"value as an option",
                {"train", "--resnet18"},
                "mnist train has no option '--resnet18'",
                "did you mean '--arch resnet18'?"},
        Mistake{"another program's option",
                {"train", "--learning-rate", "1"},
                "mnist train has no option '--learning-rate'",
                "did you mean '--lr'?"},
        Mistake{"letter that two begin with",
                {"train", "-v"},
                "mnist train has no option '-v'",
                "did you mean '--verbose' or '--version'?"},
        Mistake{"choice with nothing near",
                {"--color", "rainbow", "info"},
                "--color cannot be 'rainbow'",
                "choose one of: auto, always, never"},
        Mistake{"long number",
                {"train", "--epochs", std::string(120'000, '1')},
                "--epochs must be an integer from 1 to 1,000,000, is '" + std::string(100, '1') + "...'",
                "give a number in that range"},
        Mistake{"long rate",
                {"train", "--lr", std::string(120'000, '1')},
                "--lr must be a number from 0 to 1,000,000, is '" + std::string(100, '1') + "...'",
                "give a number in that range"},
        Mistake{"long option",
                {"train", "--" + std::string(120'000, 'e')},
                "mnist train has no option '--" + std::string(98, 'e') + "...'",
                "see: mnist train --help"},
        Mistake{"escape of a terminal",
                {"train", "--augment", "\x1b[31m\n"},
                "--augment cannot be '\\x1b[31m\\x0a'",
                "choose one of: on, off"},
        Mistake{"escape of a terminal in an option",
                {"train", "--\x1b[31m"},
                "mnist train has no option '--\\x1b[31m'",
                "see: mnist train --help"},
        Mistake{"device", {"evaluate", "--device", "cudda"}, "there is no device 'cudda'", "did you mean 'cuda'?"}));

TEST(Usage, WithoutACommandItIsShown) {
  const SubprocessResult result = run(program(MNIST_BINARY, {}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, StartsWith("Usage: mnist "));
  EXPECT_THAT(result.err, HasSubstr("mnist --help"));
}

TEST(Usage, AWrongValueInTheEnvironmentIsAnErrorToo) {
  const SubprocessResult result = run(program(MNIST_BINARY, {"evaluate"}, {{"MNIST_DEVICE", "gpu"}}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("error: there is no device 'gpu' (from MNIST_DEVICE)\n"));
  const SubprocessResult data = run(program(MNIST_BINARY, {"train"}, {{"MNIST_DATA_DIR", "/none"}}));
  EXPECT_EQ(data.exit_code, 3);
  EXPECT_THAT(data.err, HasSubstr(" (from MNIST_DATA_DIR)\n"));
}

TEST(Usage, ARemovedFolderIsAnError) {
  const TemporaryFolder folder;
  Subprocess process = program(MNIST_BINARY, {"runs"});
  process.folder = folder.path();
  process.command.insert(process.command.begin(),
                         {"/bin/sh", "-c", "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" \"$@\""});
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err,
            "error: the current folder does not exist any more\nhint: change to another one, as in: cd ~\n");
}

TEST(Usage, SaveModelIsOutputByItsOldName) {
  const auto train = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"train", "--data-dir", "/none"});
    return run(program(MNIST_BINARY, arguments)).err;
  };
  EXPECT_THAT(train({"--output", "a.pt", "--save-model"}), HasSubstr("'/none'"));
  EXPECT_THAT(train({"--output", "a.pt", "--save-model", "b.pt"}), HasSubstr("give different files"));
  EXPECT_THAT(train({"--save-model", "b.txt"}), HasSubstr("'b.txt'"));
  EXPECT_THAT(train({"--output"}), HasSubstr("--output needs a value"));
}

// Digits alone are a name as good as any; a reader of numbers once went down as deep as there are digits.
TEST(Usage, ALongNumberCanBeAName) {
  const SubprocessResult result = run(program(MNIST_BINARY, {"train", "--data-dir", std::string(120'000, '1')}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, StartsWith("error: "));
}

TEST(Usage, TheLastOfTwoCounts) {
  const TemporaryFolder folder;
  const SubprocessResult result =
      run(program(MNIST_BINARY, {"train", "--data-dir", "/none/first", "--data-dir", "/none/second", "--dry-run"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("/none/second"));
}

}  // namespace
}  // namespace mnist::test
