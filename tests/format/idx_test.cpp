#include "mnist/format/idx.hpp"

#include <cstdlib>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "support/checksums.hpp"
#include "support/mutation_run.hpp"
#include "support/small_mnist.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class IdxTest : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& content) const {
    auto path = folder_ / "some-idx";
    test::write_file(path, content);
    return path;
  }

  // The error of reading `content` as images, with its hint.
  std::string images_error(const std::string& content) const {
    try {
      read_idx_images(file(content));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_THAT(error.what(), HasSubstr("some-idx"));
      return std::string(error.what()) + " | " + error.hint();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }

  test::TemporaryFolder folder_;
};

std::string header(std::uint32_t magic, const std::vector<std::uint32_t>& sizes) {
  std::string bytes;
  const auto append = [&](std::uint32_t value) {
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift);
  };
  append(magic);
  for (const auto size : sizes) append(size);
  return bytes;
}

TEST_F(IdxTest, ReadsImagesPlainAndPacked) {
  const auto bytes = test::small_images(7, 1);
  for (const auto& content : {bytes, test::gzip(bytes)}) {
    const auto images = read_idx_images(file(content));
    ASSERT_EQ(images.sizes(), (std::vector<std::int64_t>{7, 28, 28}));
    ASSERT_EQ(images.scalar_type(), torch::kUInt8);
    EXPECT_EQ(std::string(static_cast<const char*>(images.data_ptr()), images.nbytes()), bytes.substr(16));
  }
}

TEST_F(IdxTest, ReadsLabels) {
  const auto labels = read_idx_labels(file(test::gzip(test::small_labels(12))));
  EXPECT_TRUE(labels.equal(torch::arange(12).remainder(10).to(torch::kUInt8)));
}

TEST_F(IdxTest, ReadsGzipOfSeveralStreams) {
  const auto bytes = test::small_images(3, 1);
  const auto images = read_idx_images(file(test::gzip(bytes.substr(0, 10)) + test::gzip(bytes.substr(10))));
  EXPECT_EQ(images.size(0), 3);
}

TEST_F(IdxTest, AcceptsNoItems) {
  EXPECT_EQ(read_idx_images(file(header(0x803, {0, 28, 28}))).size(0), 0);
}

TEST_F(IdxTest, TellsTruncatedFile) {
  const auto error = images_error(test::small_images(10, 1).substr(0, 1234));
  EXPECT_THAT(error, HasSubstr("holds 1,234 of 7,856 bytes: an interrupted download?"));
  EXPECT_THAT(error, HasSubstr("scripts/fetch_data"));
}

TEST_F(IdxTest, TellsTruncatedHeader) {
  EXPECT_THAT(images_error(test::small_images(1, 1).substr(0, 9)), HasSubstr("holds 9 bytes, fewer than the 16"));
}

TEST_F(IdxTest, TellsTruncatedGzip) {
  const auto packed = test::gzip(test::small_images(10, 1));
  for (const std::size_t length : {std::size_t{3}, std::size_t{12}, packed.size() / 2, packed.size() - 1}) {
    EXPECT_THAT(images_error(packed.substr(0, length)), HasSubstr("is cut off: its gzip stream breaks off"));
  }
}

TEST_F(IdxTest, TellsTruncatedContentOfWholeGzip) {
  EXPECT_THAT(images_error(test::gzip(test::small_images(10, 1).substr(0, 1234))),
              HasSubstr("holds 1,234 of 7,856 bytes (unpacked)"));
}

TEST_F(IdxTest, TellsWrongChecksum) {
  auto packed = test::gzip(test::small_images(10, 1));
  packed[packed.size() - 8] = static_cast<char>(packed[packed.size() - 8] + 1);
  EXPECT_THAT(images_error(packed), AllOf(HasSubstr("damaged"), HasSubstr("incorrect data check")));
}

TEST_F(IdxTest, TellsLeftOverBytes) {
  const auto bytes = test::small_images(2, 1);
  EXPECT_THAT(images_error(bytes + "x"), HasSubstr("more than the 1,584 bytes"));
  EXPECT_THAT(images_error(test::gzip(bytes + "x")), HasSubstr("more than the 1,584 bytes"));
  EXPECT_THAT(images_error(test::gzip(bytes) + "garbage"), HasSubstr("it has 7 bytes after its gzip stream"));
}

TEST_F(IdxTest, TellsFilesOfOtherKinds) {
  EXPECT_THAT(images_error(test::small_labels(99)), HasSubstr("is an IDX file of labels, not an IDX file of images"));
  EXPECT_THAT(images_error("<!DOCTYPE html>\n<html><body>Not found</body></html>"), HasSubstr("is an HTML page"));
  EXPECT_THAT(images_error(test::gzip("<html><body>Moved</body></html>")), HasSubstr("is an HTML page"));
  EXPECT_THAT(images_error("PK\x03\x04 and so on"), HasSubstr("is a zip archive"));
  EXPECT_THAT(images_error(header(0xD03, {1, 28, 28})), HasSubstr("begins with 00 00 0d 03 instead of 00 00 08 03"));
}

TEST_F(IdxTest, RefusesAbsurdSizesWithoutTakingMemory) {
  EXPECT_THAT(images_error(header(0x803, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF})),
              HasSubstr("4294967295 x 4294967295 x 4294967295 bytes"));
  EXPECT_THAT(images_error(header(0x803, {0, 0xFFFFFFFF, 0xFFFFFFFF})), HasSubstr("damaged"));
  EXPECT_THAT(images_error(header(0x803, {2'000'000, 28, 28})), HasSubstr("holds 16 of 1,568,000,016 bytes"));
  EXPECT_THAT(images_error(test::gzip(header(0x803, {2'000'000, 28, 28}))), HasSubstr("at most"));
}

TEST_F(IdxTest, ReadsSizesWithoutTheRest) {
  const auto images = test::small_images(7, 1);
  for (const auto& content : {images, test::gzip(images)}) {
    EXPECT_EQ(read_idx_image_sizes(file(content)), (std::vector<std::int64_t>{7, 28, 28}));
  }
  EXPECT_EQ(read_idx_label_sizes(file(test::gzip(test::small_labels(12)))), std::vector<std::int64_t>{12});
  // The rest is damaged, but it is not read.
  auto damaged = test::gzip(images);
  damaged[damaged.size() - 8] = static_cast<char>(damaged[damaged.size() - 8] + 1);
  EXPECT_EQ(read_idx_image_sizes(file(damaged)).front(), 7);
  EXPECT_THROW(read_idx_image_sizes(file(images.substr(0, 1234))), Error);
  EXPECT_THROW(read_idx_image_sizes(file(test::small_labels(12))), Error);
}

// 100 MB of zeros in 100 KB, with a correct header.
TEST_F(IdxTest, BelievesNoPackedFileThatUnpacksToMuch) {
  const std::uint32_t count = 130'000;
  const auto content = header(0x803, {count, 28, 28}) + std::string(std::size_t{count} * 28 * 28, '\0');
  const auto packed = test::gzip(content);
  ASSERT_LT(packed.size(), 200'000U);
  EXPECT_THAT(images_error(packed),
              AllOf(HasSubstr("would unpack to 101,920,000 bytes, more than 128 times its size"), HasSubstr("gunzip")));
  EXPECT_EQ(read_idx_images(file(content)).size(0), count) << "unpacked it is what it says";
}

TEST_F(IdxTest, ReadsNothingOfASparseFileOfAnotherKind) {
  const auto path = file("junk");
  std::filesystem::resize_file(path, std::uintmax_t{4} << 30);
  try {
    read_idx_images(path);
    ADD_FAILURE() << "was read";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("begins with 6a 75 6e 6b"));
  }
}

TEST_F(IdxTest, StopsUnpackingWhereTheHeaderEnds) {
  const auto bomb = test::gzip(header(0x803, {1, 28, 28}) + std::string(std::size_t{20} << 20, '\0'));
  EXPECT_THAT(images_error(bomb), HasSubstr("more than the 800 bytes"));
}

TEST_F(IdxTest, RefusesEveryTruncation) {
  for (const auto& whole : {test::small_images(2, 1), test::gzip(test::small_images(2, 1))}) {
    for (std::size_t length = 0; length < whole.size(); length += 1 + whole.size() / 97) {
      EXPECT_THROW(read_idx_images(file(whole.substr(0, length))), Error) << length;
    }
  }
}

TEST_F(IdxTest, ReadsOrRefusesDamagedFiles) {
  std::mt19937 random(5);
  for (const auto& whole : {test::small_images(2, 1), test::gzip(test::small_images(2, 1))}) {
    for (int round = 0; round < 300; ++round) {
      auto bytes = whole;
      for (int change = 0; change < 3; ++change) {
        bytes[random() % (round % 2 == 0 ? 24 : bytes.size())] = static_cast<char>(random());
      }
      try {
        EXPECT_LE(read_idx_images(file(bytes)).numel(), 2 * 28 * 28);
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
      }
    }
  }
}

TEST(IdxMutations, AreReadOrRefused) {
  test::expect_read_or_refused(
      {4, {test::small_images(3, 1), test::small_labels(20)}, [](const std::filesystem::path& path) {
         try {
           EXPECT_EQ(read_idx_images(path).dim(), 3);
         } catch (const Error&) {
           EXPECT_EQ(read_idx_labels(path).dim(), 1);
         }
       }});
}

TEST(IdxMutations, OfPackedFilesAreReadOrRefused) {
  test::expect_read_or_refused({5,
                                {test::gzip(test::small_images(3, 1)),
                                 test::gzip(header(0x803, {0, 28, 28})) + test::gzip(std::string(100'000, '\0'))},
                                [](const std::filesystem::path& path) { read_idx_images(path); },
                                test::repair_gzip});
}

TEST_F(IdxTest, ReadsTheRealFiles) {
  const char* const data = std::getenv("MNIST_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "MNIST_TEST_DATA does not name a folder with MNIST/raw";
  const auto raw = std::filesystem::path(data) / "MNIST" / "raw";
  const auto images = read_idx_images(raw / "t10k-images-idx3-ubyte.gz");
  const auto labels = read_idx_labels(raw / "t10k-labels-idx1-ubyte.gz");
  EXPECT_EQ(images.sizes(), (std::vector<std::int64_t>{10000, 28, 28}));
  EXPECT_EQ(labels[250].item<int>(), 4);
  EXPECT_EQ(images.sum().item<std::int64_t>(), 264'923'200) << "not the sum of the published file";
}

}  // namespace
}  // namespace mnist
