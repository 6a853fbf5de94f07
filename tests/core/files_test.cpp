// Whole files: reading with limits, atomic replacement. Tests may run as root, who ignores permissions, so files are
// made unwritable in other ways.
#include "mnist/core/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::content_of;
using test::names_in;
using test::TemporaryFolder;
using test::write_file;
using ::testing::HasSubstr;

template <typename Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    return error.what();
  }
  ADD_FAILURE() << "was accepted";
  return "";
}

TEST(Quoted, NeitherBreaksALineNorSteersATerminal) {
  EXPECT_EQ(quoted("a b/c.pt"), "'a b/c.pt'");
  EXPECT_EQ(quoted("a\nb\x1b[31m\x7f"), "'a\\x0ab\\x1b[31m\\x7f'");
  EXPECT_EQ(quoted(std::filesystem::path(u8"\u00E4")), "'\xC3\xA4'");
}

TEST(ReadFile, GivesTheWholeContent) {
  const TemporaryFolder folder;
  const std::string content("a\0b\r\n", 5);
  write_file(folder / "x", content);
  EXPECT_EQ(read_file(folder / "x", "file"), content);
  EXPECT_EQ(read_file(folder / "x", "file", 5), content);
}

TEST(ReadFile, SaysWhatIsWrongWithTheFile) {
  const TemporaryFolder folder;
  write_file(folder / "empty", "");
  write_file(folder / "large", "123456");
  const auto error = [&](const char* name) { return error_of([&] { read_file(folder / name, "model file", 5); }); };
  EXPECT_THAT(error("none"), HasSubstr("there is no model file '"));
  EXPECT_THAT(error("empty"), HasSubstr("is empty"));
  EXPECT_THAT(error("large"), HasSubstr("6 bytes, the limit is 5"));
  EXPECT_THAT(error("."), HasSubstr("is a folder"));
  EXPECT_NE(error("large/x"), "");
}

TEST(AtomicFile, WithoutCommitNothingChanges) {
  const TemporaryFolder folder;
  write_file(folder / "x", "old");
  {
    AtomicFile file(folder / "x");
    file.write("new");
    EXPECT_EQ(names_in(folder.path()).size(), 2U);
    EXPECT_EQ(content_of(folder / "x"), "old");
  }
  EXPECT_EQ(content_of(folder / "x"), "old");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"x"});
}

TEST(AtomicFile, CommitReplacesAndLeavesNothingElse) {
  const TemporaryFolder folder;
  write_file(folder / "x", "old and longer");
  AtomicFile file(folder / "x");
  file.write("ne");
  file.write("w");
  file.commit();
  EXPECT_EQ(content_of(folder / "x"), "new");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"x"});
}

TEST(AtomicFile, SaysAtOnceWhereItCannotWrite) {
  const TemporaryFolder folder;
  write_file(folder / "file", "content");
  EXPECT_THAT(error_of([&] { AtomicFile file(folder / "none/x"); }), HasSubstr("there is no folder"));
  EXPECT_THAT(error_of([&] { AtomicFile file(folder / "file/x"); }), HasSubstr("there is no folder"));
  EXPECT_THAT(error_of([&] { AtomicFile file(folder.path()); }), HasSubstr("it is a folder"));
  EXPECT_THAT(error_of([&] { AtomicFile file("/proc/mnist-test"); }), HasSubstr("cannot write '/proc/mnist-test'"));
}

}  // namespace
}  // namespace mnist
