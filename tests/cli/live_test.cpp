// Progress and --live on a terminal: what the terminal shows after the program has ended, or was stopped.
#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The lines of a terminal with endless height, and where its cursor is. Understands what the program writes: "\r",
// "\n", and the escape sequences for erasing to the end of a line or of the screen and for moving up.
struct Screen {
  std::vector<std::string> lines = {""};
  std::size_t row = 0;
  std::size_t column = 0;

  void write(const std::string& text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') {
        column = 0;
        if (++row == lines.size()) lines.emplace_back();
      } else if (text[i] == '\r') {
        column = 0;
      } else if (text.compare(i, 2, "\x1b[") == 0) {
        const std::size_t end = text.find_first_of("KJAm", i);
        if (end == std::string::npos) return;
        escape(text[end], text.substr(i + 2, end - i - 2));
        i = end;
      } else {
        std::string& line = lines[row];
        line.resize(std::max(line.size(), column + 1), ' ');
        line[column++] = text[i];
      }
    }
  }

  void escape(char what, const std::string& number) {
    if (what == 'A') row -= std::min(row, static_cast<std::size_t>(std::stoi(number)));
    if (what == 'J' || what == 'K') lines[row].resize(std::min(column, lines[row].size()));
    if (what == 'J') lines.resize(row + 1);
  }
};

class Live : public ::testing::Test {
 protected:
  Live() { write_small_mnist(folder_ / "data", 400, 50); }

  Subprocess train(int columns, const std::vector<std::string>& more, const std::string& epochs = "3") {
    std::vector<std::string> arguments = {"train",    "--live", "--arch",    "lenet", "--epochs",       epochs,
                                          "--device", "cpu",    "--run-dir", "run",   "--log-interval", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Subprocess process = program(MNIST_BINARY, arguments, {{"TERM", "xterm"}, {"LC_ALL", "C.UTF-8"}});
    process.folder = folder_.path();
    process.terminal_columns = columns;
    return process;
  }

  static Screen screen_of(const SubprocessResult& result) {
    Screen screen;
    screen.write(result.out);
    return screen;
  }

  TemporaryFolder folder_;
};

TEST_F(Live, StaysBelowTheLinesAndIsLeftAtTheEnd) {
  const SubprocessResult result = run(train(80, {}));
  ASSERT_EQ(result.exit_code, 0) << result.out;
  const std::vector<std::string> lines = screen_of(result).lines;
  EXPECT_EQ(std::ranges::count_if(lines, [](const auto& line) { return line.starts_with("Train Epoch: "); }), 12)
      << "7 batches per epoch, a line for each second one";
  EXPECT_EQ(std::ranges::count_if(lines, [](const auto& line) { return line.starts_with("Test set: "); }), 3);
  EXPECT_EQ(std::ranges::count_if(lines, [](const auto& line) { return line.starts_with("epoch  train loss"); }), 1)
      << "only the last one is left";
  EXPECT_THAT(lines, AllOf(Contains(HasSubstr("accuracy  train, o test")), Contains("epoch 3/3 done"),
                           Contains(StartsWith("Saved model: "))));
  EXPECT_THAT(result.out, HasSubstr("\xE2\xA0")) << "braille";
}

TEST_F(Live, IsAsciiWithoutAUtf8Locale) {
  Subprocess process = train(80, {});
  process.changes["LC_ALL"] = "C";
  const SubprocessResult result = run(process);
  ASSERT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.out, HasSubstr("accuracy  train, o test"));
  EXPECT_TRUE(std::ranges::all_of(result.out, [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

TEST_F(Live, ASignalLeavesItAboveTheMessageAndTheCursorInAnEmptyLine) {
  Subprocess process = train(80, {}, "100000");
  process.signal = SIGINT;
  process.signal_when = [](const std::string& out) { return out.find("epoch 2/") != std::string::npos; };
  const SubprocessResult result = run(process);
  ASSERT_EQ(result.exit_code, 130) << result.out;
  const Screen screen = screen_of(result);
  EXPECT_EQ(screen.column, 0u);
  EXPECT_EQ(screen.lines[screen.row], "");
  const auto message = std::ranges::find_if(
      screen.lines, [](const auto& line) { return line.starts_with("stopping with a checkpoint"); });
  ASSERT_NE(message, screen.lines.end());
  EXPECT_EQ(
      std::ranges::count_if(screen.lines, [](const auto& line) { return line.find("o test") != std::string::npos; }),
      1);
}

TEST_F(Live, ANarrowTerminalGetsTheProgressLine) {
  const SubprocessResult result = run(train(40, {}));
  ASSERT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.out, AllOf(HasSubstr("--live needs a terminal of 60 columns and 16 lines"), HasSubstr("epoch 2/3"),
                                Not(HasSubstr("o test"))));
}

TEST_F(Live, QuietHasTheLinesOfTheEpochsOnly) {
  const SubprocessResult result = run(train(80, {"--quiet"}));
  ASSERT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.out, AllOf(HasSubstr("o test"), HasSubstr("Epoch 3/3: loss"), Not(HasSubstr("Train Epoch"))));
}

TEST_F(Live, WithoutATerminalItSaysSoOnce) {
  const SubprocessResult result = run(train(0, {}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("--live has no effect: "), Not(HasSubstr("\x1b"))));
  EXPECT_EQ(result.err.find("--live"), result.err.rfind("--live"));
}

TEST_F(Live, AResumedRunContinuesTheTable) {
  ASSERT_EQ(run(train(0, {})).exit_code, 0);
  const SubprocessResult result = run(train(80, {"--resume", "run"}, "4"));
  ASSERT_EQ(result.exit_code, 0) << result.out;
  const std::vector<std::string> lines = screen_of(result).lines;
  for (const char* epoch : {"    2  ", "    3  ", "    4  "}) EXPECT_THAT(lines, Contains(StartsWith(epoch)));
  EXPECT_THAT(lines, Contains(HasSubstr("28 steps")));
}

}  // namespace
}  // namespace mnist::test
