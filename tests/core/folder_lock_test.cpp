// A folder has only one owner, no matter how previous owners ended.
#include "mnist/core/folder_lock.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <optional>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

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
using ::testing::MatchesRegex;

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

// A process that locks the folder and waits until it is killed.
class Owner {
 public:
  explicit Owner(const std::filesystem::path& folder) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    child_ = ::fork();
    if (child_ == 0) {
      const FolderLock mine = lock(folder);
      const bool told = mine.is_held() && ::write(ends[1], "x", 1) == 1;
      if (!told) ::_exit(1);
      while (true) ::pause();
    }
    char ready = 0;
    ::close(ends[1]);
    EXPECT_EQ(::read(ends[0], &ready, 1), 1);
    ::close(ends[0]);
  }
  ~Owner() { end(SIGKILL); }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  pid_t pid() const { return child_; }
  void end(int signal) {
    if (child_ <= 0) return;
    ::kill(child_, signal);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
  }

 private:
  pid_t child_ = -1;
};

TEST(FolderLock, ASecondProcessIsToldWhoHoldsIt) {
  const TemporaryFolder folder;
  const Owner owner(folder.path());
  EXPECT_THAT(refusal(folder.path()),
              AllOf(HasSubstr("run directory '" + folder.path().string() + "' is in use by process " +
                              std::to_string(owner.pid()) + " on host " + host_name() + " since 20"),
                    MatchesRegex(".*T[0-9:]+Z")));
  EXPECT_THAT(test::content_of(folder / ".lock"), HasSubstr("\"command\":\"mnist train\""));
}

TEST(FolderLock, DiesWithItsOwner) {
  const TemporaryFolder folder;
  Owner owner(folder.path());
  ASSERT_NE(refusal(folder.path()), "");
  owner.end(SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(folder / ".lock")) << "nobody could remove it";
  EXPECT_EQ(refusal(folder.path()), "");
}

TEST(FolderLock, IsGivenBackAndLeavesNoFile) {
  const TemporaryFolder folder;
  {
    const FolderLock mine = lock(folder.path());
    EXPECT_THAT(mine.unguarded(), IsEmpty());
    EXPECT_THAT(refusal(folder.path()), HasSubstr("in use by process " + std::to_string(::getpid())));
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

TEST(FolderLock, EndsWithItsFolderAndLeavesTheNextOwnerAlone) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "run");
  auto first = std::make_optional(lock(folder / "run"));
  EXPECT_TRUE(first->is_held());
  std::filesystem::remove_all(folder / "run");
  EXPECT_FALSE(first->is_held());
  std::filesystem::create_directory(folder / "run");
  EXPECT_FALSE(first->is_held());
  const FolderLock second = lock(folder / "run");
  EXPECT_FALSE(first->is_held());
  first.reset();
  EXPECT_TRUE(second.is_held()) << "the first owner removed the file of the second";
  EXPECT_NE(refusal(folder / "run"), "");
}

TEST(FolderLock, AnOwnerThatHasNotWrittenItsNameYetIsAnotherProcess) {
  const TemporaryFolder folder;
  const FolderLock mine = lock(folder.path());
  for (const char* content : {"", "{", "[]", "{\"pid\":\"x\\u001b[31m\"}", R"({"pid":-1,"host":"x"})"}) {
    test::write_file(folder / ".lock", content);
    EXPECT_THAT(refusal(folder.path()), HasSubstr("is in use by another process")) << content;
  }
}

TEST(FolderLock, AFolderThatCannotBeLockedIsUnguarded) {
  const TemporaryFolder folder;
  EXPECT_EQ(lock(folder / "none").unguarded(), "No such file or directory");
  EXPECT_FALSE(lock(folder / "none").is_held());
  std::filesystem::create_symlink("elsewhere", folder / ".lock");
  EXPECT_NE(lock(folder.path()).unguarded(), "");
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere")) << "a link was followed";
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
