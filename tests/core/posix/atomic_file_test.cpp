// Files beyond what all systems have: permissions, limits, links, open files that are removed, killed processes.
#include <csignal>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/append_file.hpp"
#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::content_of;
using test::names_in;
using test::TemporaryFolder;
using test::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

unsigned permissions(const std::filesystem::path& path) {
  return static_cast<unsigned>(std::filesystem::status(path).permissions());
}

TEST(AtomicFile, KeepsThePermissionsOfTheFileItReplaces) {
  const TemporaryFolder folder;
  write_file(folder / "x", "old");
  std::filesystem::permissions(folder / "x", std::filesystem::perms(0666));
  write_file_atomically(folder / "x", "new");
  EXPECT_EQ(permissions(folder / "x"), 0666U);
  std::filesystem::permissions(folder / "x", std::filesystem::perms(0640));
  write_file_atomically(folder / "x", "newer");
  EXPECT_EQ(permissions(folder / "x"), 0640U);
}

TEST(AtomicFile, ANewFileHasThePermissionsOfTheUmask) {
  const TemporaryFolder folder;
  const mode_t former = ::umask(027);
  write_file_atomically(folder / "x", "new");
  ::umask(former);
  EXPECT_EQ(permissions(folder / "x"), 0640U);
}

// A file size limit simulates a full disk.
TEST(AtomicFile, AFullDiskIsAnErrorAndLeavesTheOldFile) {
  const TemporaryFolder folder;
  write_file(folder / "x", "old");
  rlimit former{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &former), 0);
  const rlimit small{1000, former.rlim_max};
  std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string error;
  try {
    write_file_atomically(folder / "x", std::string(5000, 'x'));
  } catch (const Error& caught) {
    error = caught.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &former);
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_THAT(error, HasSubstr("cannot write '"));
  EXPECT_EQ(content_of(folder / "x"), "old");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("x"));
}

TEST(AtomicFile, AVanishedFolderIsAnError) {
  const TemporaryFolder folder;
  write_file(folder / "run/x", "old");
  AtomicFile file(folder / "run/x");
  file.write("new");
  std::filesystem::remove_all(folder / "run");
  try {
    file.commit();
    FAIL() << "was written nowhere";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("No such file or directory"));
    EXPECT_THAT(error.hint(), HasSubstr("check that the folder "));
  }
}

TEST(AtomicFile, TakesNamesAsLongAsTheyCanBe) {
  const TemporaryFolder folder;
  const std::string longest(255, 'x');
  write_file_atomically(folder / longest, "content");
  EXPECT_EQ(content_of(folder / longest), "content");
  try {
    const AtomicFile file(folder / (longest + "x"));
    FAIL() << "cannot be written";
  } catch (const Error& error) {
    EXPECT_EQ(error.hint(), "give it a shorter name");
  }
}

TEST(AtomicFile, FollowsASymbolicLink) {
  const TemporaryFolder folder;
  write_file(folder / "there/x", "old");
  std::filesystem::create_symlink("there/x", folder / "link");
  write_file_atomically(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(content_of(folder / "there/x"), "new");
  std::filesystem::create_symlink("there/y", folder / "dangling");
  write_file_atomically(folder / "dangling", "made");
  EXPECT_EQ(content_of(folder / "there/y"), "made");
}

TEST(AtomicFile, NeverReplacesADevice) {
  try {
    const AtomicFile file("/dev/null");
    FAIL() << "was opened";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("not a regular file"));
  }
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(AppendFile, SaysThatTheFileIsGone) {
  const TemporaryFolder folder;
  AppendFile file(folder / "rows");
  std::filesystem::remove(folder / "rows");
  try {
    file.append("one\n");
    FAIL() << "was written nowhere";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("No such file or directory"));
    EXPECT_THAT(error.hint(), HasSubstr("check that the folder "));
  }
  EXPECT_TRUE(file.is_lost());
}

TEST(ReadFile, KnowsThatAFileIsNoFolder) {
  const TemporaryFolder folder;
  write_file(folder / "x", "content");
  try {
    read_file(folder / "x/y", "model file");
    FAIL() << "was read";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("Not a directory"));
  }
}

// A process that is killed while it writes a file.
TEST(StaleTemporaries, ThoseOfKilledProcessesAreRemoved) {
  const TemporaryFolder folder;
  const auto names = [&] { return names_in(folder.path()); };
  write_file(folder / "x", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(folder / "x");
    file.write("new");
    ::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  AtomicFile living(folder / "y");
  write_file(folder / ".mnist-notes.tmp", "not of this program");
  ASSERT_THAT(names(), SizeIs(4));
  EXPECT_EQ(remove_stale_temporaries(folder.path()), 1U);
  living.write("content");
  living.commit();
  EXPECT_THAT(names(), ElementsAre(".mnist-notes.tmp", "x", "y"));
  EXPECT_EQ(content_of(folder / "x"), "old");
  EXPECT_EQ(content_of(folder / "y"), "content");
  EXPECT_EQ(remove_stale_temporaries(folder.path()), 0U);
  EXPECT_EQ(remove_stale_temporaries(folder / "none"), 0U);
}

}  // namespace
}  // namespace mnist
