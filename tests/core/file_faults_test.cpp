// Makes every call that writes a file fail, with every error of a disk: the old content stays, nothing else is left,
// and the error says how to fix it.
#include <algorithm>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/append_file.hpp"
#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"

#include "support/faulty_files.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::content_of;
using test::FaultyFiles;
using test::names_in;
using test::TemporaryFolder;
using test::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int kErrors[] = {ENOSPC, EIO, EACCES, EROFS, ENOENT,
#ifdef EDQUOT
                           EDQUOT
#endif
};
const std::string kNew(3000, 'n');

// Whether the error names the file, the reason and a fix.
void expect_helpful(const Error& error, const std::filesystem::path& path, int reason) {
  EXPECT_EQ(error.kind(), ErrorKind::data);
  EXPECT_THAT(error.what(), HasSubstr(quoted(path)));
  EXPECT_THAT(error.what(), HasSubstr(std::generic_category().message(reason)));
  EXPECT_THAT(error.hint(), Not(IsEmpty()));
}

// The calls for writing one file without a fault.
std::vector<std::string> calls_of_a_write(bool short_writes) {
  const TemporaryFolder folder;
  FaultyFiles files(1'000'000, 0, 0, short_writes);
  write_file_atomically(folder / "x", kNew, files);
  return files.calls();
}

TEST(FileFaults, AFileIsOpenedWrittenSyncedRenamedAndItsFolderSynced) {
  EXPECT_THAT(calls_of_a_write(false),
              ElementsAre("open", "write", "fsync", "rename", "close", "open", "fsync", "close"));
}

constexpr int kAllAfter = 1'000'000;

// Writes a file while call number `call` of `calls` and the next `count - 1` calls fail.
void expect_old_or_new(const std::vector<std::string>& calls, int call, int count, int reason, bool short_writes) {
  const auto renamed = std::ranges::find(calls, "rename") - calls.begin();
  const TemporaryFolder folder;
  write_file(folder / "x", "old");
  FaultyFiles files(call, count, reason, short_writes);
  bool failed = false;
  try {
    write_file_atomically(folder / "x", kNew, files);
  } catch (const Error& error) {
    failed = true;
    expect_helpful(error, folder / "x", reason);
  }
  EXPECT_EQ(content_of(folder / "x"), call <= renamed ? "old" : kNew);
  EXPECT_TRUE(failed || call > renamed);
  EXPECT_TRUE(files.all_closed());
  // If the temporary file cannot be removed, it stays under a name that the next start recognises.
  const bool stays = count == kAllAfter && call > 0 && call <= renamed;
  if (!stays) {
    EXPECT_THAT(names_in(folder.path()), ElementsAre("x"));
    return;
  }
  EXPECT_THAT(names_in(folder.path()), ElementsAre(StartsWith(".mnist-"), "x"));
  remove_stale_temporaries(folder.path());
  EXPECT_THAT(names_in(folder.path()), ElementsAre("x"));
}

// One call fails, or all calls from it on, as on a disk that stays full.
TEST(FileFaults, TheOldContentStaysWhateverFails) {
  for (const bool short_writes : {false, true}) {
    const std::vector<std::string> calls = calls_of_a_write(short_writes);
    for (int call = 0; call < static_cast<int>(calls.size()); ++call) {
      for (const int count : {1, kAllAfter}) {
        for (const int reason : kErrors) {
          SCOPED_TRACE(calls[static_cast<std::size_t>(call)] + " (call " + std::to_string(call) + ", " +
                       std::to_string(count) + " fail): " + std::generic_category().message(reason));
          expect_old_or_new(calls, call, count, reason, short_writes);
        }
      }
    }
  }
}

TEST(FileFaults, AFolderThatCannotBeSyncedIsAnError) {
  const std::vector<std::string> calls = calls_of_a_write(false);
  ASSERT_EQ(calls[6], "fsync");
  const TemporaryFolder folder;
  FaultyFiles failing(6, 1, EIO);
  EXPECT_THROW(write_file_atomically(folder / "x", kNew, failing), Error);
  FaultyFiles unable(6, 1, EINVAL);  // so do file systems without it
  write_file_atomically(folder / "x", kNew, unable);
}

TEST(FileFaults, AnInterruptedCallIsMadeAgain) {
  for (int call = 0; call < 4; ++call) {
    if (calls_of_a_write(false)[static_cast<std::size_t>(call)] == "rename") continue;
    const TemporaryFolder folder;
    FaultyFiles files(call, 3, EINTR);
    write_file_atomically(folder / "x", kNew, files);
    EXPECT_EQ(content_of(folder / "x"), kNew);
  }
}

TEST(FileFaults, NothingIsWrittenAfterAFailure) {
  const TemporaryFolder folder;
  write_file(folder / "x", "old");
  FaultyFiles files(1, 1, ENOSPC);
  AtomicFile file(folder / "x", files);
  EXPECT_THROW(file.write("new"), Error);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("x")) << "the room is not given back at once";
  EXPECT_THROW(file.write("new"), Error);
  EXPECT_THROW(file.commit(), Error);
  EXPECT_EQ(content_of(folder / "x"), "old");
}

TEST(AppendFile, GrowsRowByRow) {
  const TemporaryFolder folder;
  {
    AppendFile file(folder / "rows");
    EXPECT_EQ(file.size(), 0U);
    file.append("one\n");
    file.append("two\n");
    EXPECT_EQ(content_of(folder / "rows"), "one\ntwo\n");
  }
  AppendFile file(folder / "rows");
  EXPECT_EQ(file.size(), 8U);
  file.append("three\n");
  EXPECT_EQ(content_of(folder / "rows"), "one\ntwo\nthree\n");
}

TEST(AppendFile, IsCutBackToWhatACheckpointStates) {
  const TemporaryFolder folder;
  write_file(folder / "rows", "one\ntwo\nthr");
  AppendFile file(folder / "rows");
  file.truncate(4);
  file.append("2\n");
  EXPECT_EQ(content_of(folder / "rows"), "one\n2\n");
  EXPECT_EQ(file.size(), 6U);
  EXPECT_THROW(file.truncate(7), Error);
  EXPECT_EQ(content_of(folder / "rows"), "one\n2\n");
}

TEST(AppendFile, RefusesWhatIsNoFile) {
  const TemporaryFolder folder;
  EXPECT_THROW(AppendFile("/dev/null"), Error);
  EXPECT_THROW(AppendFile(folder.path()), Error);
  EXPECT_THROW(AppendFile(folder / "none/rows"), Error);
}

TEST(AppendFile, ARowIsWrittenWholeOrNotAtAllAndTheNextIsTriedAnew) {
  const std::string row = std::string(100, 'r') + "\n";
  for (int call = 1; call < 12; ++call) {
    for (const int reason : kErrors) {
      SCOPED_TRACE("call " + std::to_string(call) + ": " + std::generic_category().message(reason));
      const TemporaryFolder folder;
      FaultyFiles files(call, 1, reason, /*short_writes=*/true);
      AppendFile file(folder / "rows", files);
      std::string expected;
      for (int i = 0; i < 2; ++i) {
        try {
          file.append(row);
          expected += row;
        } catch (const Error& error) {
          expect_helpful(error, folder / "rows", reason);
        }
        EXPECT_EQ(content_of(folder / "rows"), expected);
        EXPECT_EQ(file.size(), expected.size());
      }
      EXPECT_GE(expected.size(), row.size());
    }
  }
}

// The disk is full, and even removing the partial row fails: it is removed before the next row.
TEST(AppendFile, APartOfARowIsCutOffLaterIfNotAtOnce) {
  const TemporaryFolder folder;
  FaultyFiles files(/*first=*/2, /*count=*/2, EIO, /*short_writes=*/true);
  AppendFile file(folder / "rows", files);
  EXPECT_THROW(file.append("one\n"), Error);
  EXPECT_THAT(files.calls(), ElementsAre("open", "write", "write", "truncate"));
  EXPECT_EQ(content_of(folder / "rows"), "on");
  file.append("two\n");
  EXPECT_EQ(content_of(folder / "rows"), "two\n");
}

TEST(AppendFile, APartOfARowDoesNotOutliveIt) {
  const TemporaryFolder folder;
  FaultyFiles files(/*first=*/2, /*count=*/2, EIO, /*short_writes=*/true);
  {
    AppendFile file(folder / "rows", files);
    EXPECT_THROW(file.append("one\n"), Error);
    EXPECT_EQ(content_of(folder / "rows"), "on");
  }
  EXPECT_EQ(content_of(folder / "rows"), "");
}

TEST(AppendFile, SaysThatTheFileWasMovedWithItsFolder) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "here");
  AppendFile file(folder / "here/rows");
  EXPECT_FALSE(file.is_lost());
  std::filesystem::rename(folder / "here", folder / "there");
  EXPECT_TRUE(file.is_lost());
  EXPECT_THROW(file.append("one\n"), Error);
  EXPECT_EQ(content_of(folder / "there/rows"), "");
  std::filesystem::rename(folder / "there", folder / "here");
  file.append("two\n");
  EXPECT_EQ(content_of(folder / "here/rows"), "two\n");
}

}  // namespace
}  // namespace mnist
