// A folder has only one owner, no matter how previous owners ended.
#include "mnist/core/folder_lock.hpp"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/core/process.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

FolderLock lock(const std::filesystem::path& folder, const std::string& command = "mnist train") {
  return {folder, "run directory", command, "name another"};
}

std::string refusal(const std::filesystem::path& folder) {
  try {
    lock(folder);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(error.hint(), "name another");
    return error.what();
  }
  return "";
}

TEST(FolderLock, IsGivenBackAndLeavesNoFile) {
  const TemporaryFolder folder;
  {
    const FolderLock mine = lock(folder.path());
    EXPECT_THAT(mine.unguarded(), IsEmpty());
    EXPECT_THAT(refusal(folder.path()), HasSubstr("in use by process " + std::to_string(process_id())));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_EQ(refusal(folder.path()), "");
}

TEST(FolderLock, MovesWithItsObject) {
  const TemporaryFolder folder;
  const TemporaryFolder other;
  FolderLock first = lock(folder.path());
  FolderLock second = std::move(first);
  EXPECT_NE(refusal(folder.path()), "");
  second = lock(other.path());
  EXPECT_EQ(refusal(folder.path()), "");
  EXPECT_NE(refusal(other.path()), "");
}

TEST(FolderLock, AnOwnerThatHasNotWrittenItsNameYetIsAnotherProcess) {
  const TemporaryFolder folder;
  const FolderLock mine = lock(folder.path());
  for (const char* content : {"", "{", "[]", "{\"pid\":\"x\\u001b[31m\"}", R"({"pid":-1,"host":"x"})"}) {
    test::write_file(folder / ".lock", content);
    EXPECT_THAT(refusal(folder.path()), HasSubstr("is in use by another process")) << content;
  }
}

// A process that opens the file just before its owner removes it must not lock the removed file.
TEST(FolderLock, HasOneOwnerAtATimeHoweverOftenItChanges) {
  const TemporaryFolder folder;
  std::atomic<int> owners = 0;
  std::atomic<int> taken = 0;
  const auto take_often = [&] {
    for (int i = 0; i < 300; ++i) {
      try {
        const FolderLock mine = lock(folder.path());
        EXPECT_EQ(owners.fetch_add(1), 0);
        ++taken;
        owners.fetch_sub(1);
      } catch (const Error&) {
        continue;  // the other process holds the lock
      }
    }
  };
  std::thread other(take_often);
  take_often();
  other.join();
  EXPECT_GT(taken, 0);
}

}  // namespace
}  // namespace mnist
