// The lock of a folder that another process holds, or that is removed while it is held.
#include <array>
#include <csignal>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/core/folder_lock.hpp"
#include "mnist/core/process.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

FolderLock locked(const std::filesystem::path& folder) {
  return {folder, "run directory", "mnist train", "name another"};
}

std::string refused(const std::filesystem::path& folder) {
  try {
    locked(folder);
  } catch (const Error& error) {
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
      const FolderLock mine = locked(folder);
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
  EXPECT_THAT(refused(folder.path()),
              AllOf(HasSubstr("run directory '" + folder.path().string() + "' is in use by process " +
                              std::to_string(owner.pid()) + " on host " + host_name() + " since 20"),
                    MatchesRegex(".*T[0-9:]+Z")));
  EXPECT_THAT(test::content_of(folder / ".lock"), HasSubstr("\"command\":\"mnist train\""));
}

TEST(FolderLock, DiesWithItsOwner) {
  const TemporaryFolder folder;
  Owner owner(folder.path());
  ASSERT_NE(refused(folder.path()), "");
  owner.end(SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(folder / ".lock")) << "nobody could remove it";
  EXPECT_EQ(refused(folder.path()), "");
}

TEST(FolderLock, EndsWithItsFolderAndLeavesTheNextOwnerAlone) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "run");
  auto first = std::make_optional(locked(folder / "run"));
  EXPECT_TRUE(first->is_held());
  std::filesystem::remove_all(folder / "run");
  EXPECT_FALSE(first->is_held());
  std::filesystem::create_directory(folder / "run");
  EXPECT_FALSE(first->is_held());
  const FolderLock second = locked(folder / "run");
  EXPECT_FALSE(first->is_held());
  first.reset();
  EXPECT_TRUE(second.is_held()) << "the first owner removed the file of the second";
  EXPECT_NE(refused(folder / "run"), "");
}

TEST(FolderLock, AFolderThatCannotBeLockedIsUnguarded) {
  const TemporaryFolder folder;
  EXPECT_EQ(locked(folder / "none").unguarded(), "No such file or directory");
  EXPECT_FALSE(locked(folder / "none").is_held());
  std::filesystem::create_symlink("elsewhere", folder / ".lock");
  EXPECT_NE(locked(folder.path()).unguarded(), "");
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere")) << "a link was followed";
}

}  // namespace
}  // namespace mnist
