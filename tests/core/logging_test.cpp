#include "mnist/core/logging.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"

#include "support/faulty_files.hpp"
#include "support/pattern.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::content_of;
using test::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::Not;

// What `make_logger(options)` writes to stderr for one line of each weight.
std::string told(const LogOptions& options) {
  ::testing::internal::CaptureStderr();
  const auto log = make_logger(options);
  log->trace("t");
  log->debug("d");
  log->info("i");
  log->warn("w");
  log->error("e");
  return ::testing::internal::GetCapturedStderr();
}

TEST(Logger, InfoIsBareAndTheOthersSayWhatTheyAre) {
  EXPECT_EQ(told({}), "i\nwarning: w\nerror: e\n");
}

TEST(Logger, EachLevelHidesWhatIsBelow) {
  EXPECT_EQ(told({.level = "trace"}), "trace: t\ndebug: d\ni\nwarning: w\nerror: e\n");
  EXPECT_EQ(told({.level = "warning"}), "warning: w\nerror: e\n");
  EXPECT_EQ(told({.level = "error"}), "error: e\n");
  EXPECT_EQ(told({.level = "off"}), "");
}

TEST(Logger, ReportsOnceThatItsFileCannotBeWritten) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  EXPECT_THAT(told({.level = "info", .file = "/dev/full"}),
              test::MatchesPattern(
                  "i\nwarning: cannot write the log file '/dev/full': No space left on device; lines are missing "
                  "there from now on\n"
                  "warning: w\nerror: e\n"));
}

TEST(Logger, NamesANewFolderOfItsFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(told({.level = "info", .file = folder / "new" / "log.txt"}),
            "new folder: '" + (folder / "new").string() + "'\ni\nwarning: w\nerror: e\n");
}

TEST(EarlyLog, TellsAFileWhatWasLoggedBefore) {
  const TemporaryFolder folder;
  ::testing::internal::CaptureStderr();
  const auto log = make_logger({.level = "error"});
  log->set_level(spdlog::level::info);
  log->info("too early");
  {
    EarlyLog early(*log);
    log->warn("before");
    early.replay(*add_log_file(*log, folder / "log.txt"));
    log->info("after");
  }
  ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(content_of(folder / "log.txt"), test::ContainsPattern("warning before\n.*info after\n$"));
  EXPECT_THAT(content_of(folder / "log.txt"), Not(HasSubstr("too early")));
}

TEST(Logger, ColoursOnlyWhereWanted) {
  EXPECT_THAT(told({}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(told({.color = true}), HasSubstr("\x1b[1;33mwarning:\x1b[0m w\n"));
}

TEST(Logger, EveryNamedLevelIsTakenAndNoOther) {
  for (const std::string& level : log_levels()) EXPECT_NO_THROW(make_logger({.level = level}));
  try {
    make_logger({.level = "warnin"});
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.hint(), "did you mean 'warning'?");
  }
}

TEST(Logger, AFileGetsTheLinesWithTimeAndLevel) {
  const TemporaryFolder folder;
  ::testing::internal::CaptureStderr();
  const auto log = make_logger({.file = folder / "log.txt"});
  log->warn("hot");
  const std::string content = content_of(folder / "log.txt");
  EXPECT_THAT(content, test::ContainsPattern("^[0-9-]+ [0-9:.]+[+-][0-9:]+ warning hot\n$"));
  add_log_file(*log, folder / "second.txt");
  log->info("both");
  ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(content_of(folder / "log.txt"), HasSubstr(" info both\n"));
  EXPECT_THAT(content_of(folder / "second.txt"), test::ContainsPattern("^[0-9-]+ [0-9:.]+[+-][0-9:]+ info both\n$"));
}

TEST(Logger, AFileHasATimeBeforeEachLineAndNoEscapeSequences) {
  const TemporaryFolder folder;
  ::testing::internal::CaptureStderr();
  const auto log = make_logger({.file = folder / "log.txt"});
  log->info("one\n\n  two\x1b[K\r");
  const auto file = add_log_file(*log, folder / "second.txt");
  log_line(*file, "\nTrain Epoch: 1 [0/200 (0%)]\tLoss: 2.3\nEpoch 0/1\n----------\n\n");
  ::testing::internal::GetCapturedStderr();
  const std::string time = "[0-9-]+ [0-9:]+\\.[0-9]+[+-][0-9]+:[0-9]+ info ";
  EXPECT_THAT(content_of(folder / "log.txt"),
              test::MatchesPattern(time + "one\n" + time + "  two\\\\x1b\\[K\\\\x0d\n"));
  EXPECT_THAT(content_of(folder / "second.txt"),
              test::MatchesPattern(time + "Train Epoch: 1 \\[0/200 \\(0%\\)\\]\tLoss: 2.3\n" + time + "Epoch 0/1\n" +
                                   time + "----------\n"));
}

TEST(Logger, ALineOnTheTerminalStandsAboveTheProgress) {
  const auto status = std::make_shared<StatusLine>(stderr);
  ::testing::internal::CaptureStderr();
  const auto log = make_logger({.status = status});
  status->draw("50 %");
  log->warn("hot");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "\r\x1b[K50 %\r\x1b[Kwarning: hot\n\r\x1b[K50 %");
}

TEST(Logger, AFormerLogIsAppendedTo) {
  const TemporaryFolder folder;
  const std::string former = "2026-01-02 03:04:05.678 info former\n";
  test::write_file(folder / "log.txt", former);
  add_log_file(*make_logger({.file = folder / "log.txt"}), folder / "log.txt");
  EXPECT_EQ(content_of(folder / "log.txt"), former);
}

TEST(Logger, AFileThatIsNoLogIsLeftAlone) {
  const TemporaryFolder folder;
  test::write_file(folder / "model.pt", "PK, the weights");
  EXPECT_THROW(make_logger({.file = folder / "model.pt"}), Error);
  EXPECT_EQ(content_of(folder / "model.pt"), "PK, the weights");
}

TEST(LogFile, IsContinuedWhereACheckpointWas) {
  const TemporaryFolder folder;
  const auto log = make_logger({.level = "info"});
  ::testing::internal::CaptureStderr();
  const auto file = add_log_file(*log, folder / "log.txt");
  log->info("kept");
  const std::uintmax_t size = file->size();
  log->info("after the checkpoint");
  file->truncate(size);
  log->info("again");
  ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(content_of(folder / "log.txt"), test::ContainsPattern("^[^\n]* info kept\n[^\n]* info again\n$"));
}

TEST(LogFile, AFullDiskLosesLinesAndSaysSoOnce) {
  const TemporaryFolder folder;
  test::FaultyFiles files(/*first=*/2, /*count=*/3, ENOSPC);
  ::testing::internal::CaptureStderr();
  const auto log = make_logger({});
  log->sinks().push_back(std::make_shared<LogFile>(folder / "log.txt", files));
  for (int i = 1; i <= 5; ++i) log->info("line {}", i);
  const std::string told = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(told, "line 1\nline 2\nwarning: cannot write " + quoted(folder / "log.txt") +
                      ": No space left on device; lines are missing there from now on\nline 3\nline 4\nline 5\n");
  EXPECT_THAT(content_of(folder / "log.txt"),
              test::ContainsPattern("^[^\n]* info line 1\n[^\n]* info line 4\n[^\n]* info line 5\n$"));
}

TEST(Logger, AFileThatCannotBeWrittenIsADataError) {
  const TemporaryFolder folder;
  test::write_file(folder / "file", "x");
  EXPECT_THROW(make_logger({.file = folder.path()}), Error);
  EXPECT_THROW(add_log_file(*make_logger({}), folder / "file/log.txt"), Error);
}

}  // namespace
}  // namespace mnist
