#include "mnist/format/image.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "support/pam.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::filesystem::path> image_fixtures() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(test::fixture("images"))) {
    if (has_image_extension(entry.path()) && entry.path().stem() != "photo") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift);
  return bytes;
}

class FixtureTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(FixtureTest, HasTheExpectedPixels) {
  const auto pixels = read_image(GetParam());
  const auto expected = test::read_pam(std::filesystem::path(GetParam()).replace_extension(".pam"));
  ASSERT_EQ(pixels.sizes(), expected.sizes());
  // Releases of libjpeg may round differently; PNG is exact.
  const auto tolerance = GetParam().extension() == ".png" ? 0 : 2;
  EXPECT_LE((pixels.to(torch::kInt) - expected.to(torch::kInt)).abs().max().item<int>(), tolerance);
}

INSTANTIATE_TEST_SUITE_P(Images, FixtureTest, ::testing::ValuesIn(image_fixtures()),
                         [](const auto& parameter) { return parameter.param.stem().string(); });

class ImageTest : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& content) const {
    auto path = folder_ / "some.png";
    test::write_file(path, content);
    return path;
  }

  std::string error(const std::string& content) const {
    try {
      read_image(file(content));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_THAT(error.what(), HasSubstr("some.png"));
      return std::string(error.what()) + " | " + error.hint();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }

  test::TemporaryFolder folder_;
};

std::string fixture_bytes(const std::string& name) {
  return test::content_of(test::fixture("images/" + name));
}

TEST_F(ImageTest, GoesByTheContentNotTheName) {
  EXPECT_EQ(read_image(file(fixture_bytes("jpeg_444.jpg"))).size(2), 3);
}

TEST_F(ImageTest, NamesOtherKinds) {
  using namespace std::string_literals;
  EXPECT_THAT(error("GIF89a\x01\x02"), AllOf(HasSubstr("is a GIF image; only PNG and JPEG"), HasSubstr("convert it")));
  EXPECT_THAT(error("BM\x36\x10\0\0"s), HasSubstr("is a BMP image"));
  EXPECT_THAT(error("RIFF\x10\0\0\0WEBPVP8 "s), HasSubstr("is a WebP image"));
  EXPECT_THAT(error("II*\0\x08\0\0\0"s), HasSubstr("is a TIFF image"));
  EXPECT_THAT(error("\0\0\0\x18"s + "ftypheic"), HasSubstr("is a HEIC image"));
  EXPECT_THAT(error("%PDF-1.7"), HasSubstr("is a PDF document"));
  EXPECT_THAT(error("\n<!doctype HTML><title>404</title>"), HasSubstr("is an HTML page"));
  EXPECT_THAT(error("just some words\n"), HasSubstr("is a text file"));
  EXPECT_THAT(error("\x01\x02\x03\x04"), HasSubstr("is neither a PNG nor a JPEG image"));
}

TEST_F(ImageTest, RefusesMissingEmptyAndFolder) {
  EXPECT_THROW(read_image(folder_ / "none.png"), Error);
  EXPECT_THROW(read_image(folder_.path()), Error);
  error("");
}

TEST_F(ImageTest, TellsCutOffImages) {
  const auto png = fixture_bytes("rgb_8.png");
  const auto jpeg = fixture_bytes("jpeg_444.jpg");
  EXPECT_THAT(error(png.substr(0, png.size() / 2)), HasSubstr("is cut off"));
  EXPECT_THAT(error(jpeg.substr(0, jpeg.size() - 40)), HasSubstr("is cut off"));
}

TEST_F(ImageTest, TellsDamagedPng) {
  auto png = fixture_bytes("rgb_8.png");
  png[60] = static_cast<char>(png[60] ^ 1);
  EXPECT_THAT(error(png), HasSubstr("is a damaged PNG: "));
}

TEST_F(ImageTest, RefusesHugeImagesBeforeTakingMemory) {
  auto png = fixture_bytes("rgb_8.png").substr(0, 8);
  const std::string header = "IHDR" + big_endian(20'000) + big_endian(20'000) + std::string("\x08\x02\0\0\0", 5);
  // The checksum of these bytes, and the start of the pixels, up to which libpng reads.
  png += big_endian(13) + header + big_endian(0x6C12D16E) + big_endian(1) + "IDAT";
  EXPECT_THAT(error(png), HasSubstr("is too large: 20,000 x 20,000 pixels, the limit is 200,000,000 in total"));

  auto jpeg = fixture_bytes("jpeg_444.jpg");
  const auto frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, "\x4e\x20\x4e\x20");
  EXPECT_THAT(error(jpeg), HasSubstr("is too large: 20,000 x 20,000 pixels"));
}

TEST_F(ImageTest, RefusesEndlessScans) {
  const auto jpeg = fixture_bytes("jpeg_progressive.jpg");
  // The first scan may be repeated without damage.
  const auto begin = jpeg.find("\xff\xda");
  auto end = jpeg.find('\xff', begin + 2);
  while (jpeg.at(end + 1) == '\0') end = jpeg.find('\xff', end + 2);
  auto bytes = jpeg.substr(0, end);
  for (int repeat = 0; repeat < 1500; ++repeat) bytes += jpeg.substr(begin, end - begin);
  EXPECT_THAT(error(bytes + jpeg.substr(end)), HasSubstr("more than 1000 scans"));
}

TEST_F(ImageTest, IgnoresBytesAfterTheEnd) {
  EXPECT_EQ(read_image(file(fixture_bytes("jpeg_444.jpg") + "rubbish")).size(0), 20);
  EXPECT_EQ(read_image(file(fixture_bytes("rgb_8.png") + "rubbish")).size(0), 5);
}

TEST_F(ImageTest, IgnoresMalformedExif) {
  const auto whole = fixture_bytes("jpeg_exif_6.jpg");
  const auto begin = whole.find("Exif");
  ASSERT_NE(begin, std::string::npos);
  for (std::size_t position = begin; position < begin + 32; ++position) {
    for (const char value : {'\0', '\xff', '\x7f'}) {
      auto bytes = whole;
      bytes[position] = value;
      EXPECT_EQ(read_image(file(bytes)).numel(), 20 * 28) << position;
    }
  }
}

TEST_F(ImageTest, RefusesEveryTruncation) {
  for (const auto& path : image_fixtures()) {
    const auto whole = test::content_of(path);
    for (std::size_t length = 0; length < whole.size(); length += 1 + whole.size() / 23) {
      EXPECT_THROW(read_image(file(whole.substr(0, length))), Error) << path << " " << length;
    }
  }
}

TEST_F(ImageTest, ReadsOrRefusesDamagedImages) {
  std::mt19937 random(11);
  for (const auto& path : image_fixtures()) {
    const auto whole = test::content_of(path);
    for (int round = 0; round < 15; ++round) {
      auto bytes = whole;
      for (int change = 0; change < 1 + round % 4; ++change) {
        bytes[8 + random() % (bytes.size() - 8)] = static_cast<char>(random());
      }
      try {
        EXPECT_GT(read_image(file(bytes)).numel(), 0);
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
      }
    }
  }
}

TEST_F(ImageTest, WritesWhatItReads) {
  for (const std::int64_t channels : {1, 3}) {
    const auto pixels = torch::arange(channels * 6 * 7).mul(2).to(torch::kUInt8).view({6, 7, channels});
    const auto path = folder_ / "new.png";
    write_png(path, pixels);
    EXPECT_TRUE(read_image(path).equal(pixels));
    write_png(path, pixels.transpose(0, 1));
    EXPECT_TRUE(read_image(path).equal(pixels.transpose(0, 1)));
  }
}

TEST_F(ImageTest, RefusesToWriteIntoAMissingFolder) {
  EXPECT_THROW(write_png(folder_ / "none" / "new.png", torch::zeros({2, 2, 1}, torch::kUInt8)), Error);
}

TEST_F(ImageTest, KnowsNames) {
  for (const auto* name : {"a.png", "b.JPG", "c.d.Jpeg"}) EXPECT_TRUE(has_image_extension(name)) << name;
  for (const auto* name : {"a.gif", "png", ".png", "a.png.txt", "a"}) EXPECT_FALSE(has_image_extension(name)) << name;
}

TEST_F(ImageTest, ReadsRealPhotos) {
  const char* const data = std::getenv("MNIST_TEST_DATA");
  const auto images = std::filesystem::path(data == nullptr ? "" : data) / "images";
  if (data == nullptr || !std::filesystem::is_directory(images)) {
    GTEST_SKIP() << "MNIST_TEST_DATA does not name a folder with images/*.jpg";
  }
  for (const auto& entry : std::filesystem::directory_iterator(images)) {
    EXPECT_EQ(read_image(entry.path()).size(2), 3) << entry.path();
  }
}

}  // namespace
}  // namespace mnist
