#include "mnist/core/input_file.hpp"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::TemporaryFolder;
using ::testing::HasSubstr;

std::string error_of_opening(const std::filesystem::path& path) {
  try {
    const InputFile file(path, "image");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_FALSE(error.hint().empty());
    return error.what();
  }
  ADD_FAILURE() << "was opened";
  return "";
}

TEST(InputFile, IsReadFromItsBeginToItsEnd) {
  const TemporaryFolder folder;
  test::write_file(folder / "x", "abcdefg");
  InputFile file(folder / "x", "file");
  EXPECT_EQ(file.size(), 7U);
  std::string bytes(5, '.');
  EXPECT_EQ(file.read(bytes.data(), 5), 5U);
  EXPECT_EQ(bytes, "abcde");
  EXPECT_EQ(file.read_at(1, bytes.data(), 3), 3U);
  EXPECT_EQ(bytes, "bcdde");
  EXPECT_EQ(file.read(bytes.data(), 5), 2U) << "read_at moved the position";
  EXPECT_EQ(bytes, "fgdde");
  EXPECT_EQ(file.read(bytes.data(), 5), 0U);
  EXPECT_EQ(file.read_at(7, bytes.data(), 5), 0U);
}

TEST(InputFile, TellsWhatCannotBeOpened) {
  const TemporaryFolder folder;
  test::write_file(folder / "empty", "");
  EXPECT_THAT(error_of_opening(folder / "none"), HasSubstr("there is no image"));
  EXPECT_THAT(error_of_opening(folder.path()), HasSubstr("is a folder"));
  EXPECT_THAT(error_of_opening(folder / "empty"), HasSubstr("is empty"));
}

// Opening checks only the size: a file of 4 GiB is not read before `read`.
TEST(InputFile, TakesNoMemoryForASparseFile) {
  const TemporaryFolder folder;
  test::write_file(folder / "x", "abc");
  std::filesystem::resize_file(folder / "x", std::uintmax_t{4} << 30);
  InputFile file(folder / "x", "file");
  EXPECT_EQ(file.size(), std::uint64_t{4} << 30);
  std::string bytes(4, '.');
  EXPECT_EQ(file.read(bytes.data(), 4), 4U);
  EXPECT_EQ(bytes, std::string("abc\0", 4));
  EXPECT_EQ(file.read_at((std::uint64_t{4} << 30) - 2, bytes.data(), 4), 2U);
}

}  // namespace
}  // namespace mnist
