#include "mnist/data/read_picture.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/data/prepare.hpp"
#include "mnist/format/image.hpp"

#include "support/checksums.hpp"
#include "support/memory_limit.hpp"
#include "support/mutation_run.hpp"
#include "support/picture_files.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::Png;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1 << 20;

class ReadPictureTest : public ::testing::Test {
 protected:
  torch::Tensor planes_of(const std::filesystem::path& path, Colors colors = Colors::rgb) {
    return with_picture(path, colors, memory_, [](const torch::Tensor& planes) { return planes; });
  }

  std::filesystem::path file(const std::string& content) const {
    auto path = folder_ / "some.png";
    std::filesystem::remove(path);
    test::write_file(path, content);
    return path;
  }

  std::string error(const std::string& content) {
    try {
      planes_of(file(content));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      return std::string(error.what()) + " | " + error.hint();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }

  test::TemporaryFolder folder_;
  DecodingMemory memory_{1};
};

TEST_F(ReadPictureTest, GivesTheColoursOfEveryKind) {
  for (const auto& entry : std::filesystem::directory_iterator(test::fixture("images"))) {
    if (!has_image_extension(entry.path())) continue;
    const auto whole = read_image(entry.path());
    EXPECT_TRUE(planes_of(entry.path()).equal(to_rgb(whole))) << entry.path();
    const auto grey = planes_of(entry.path(), Colors::grey);
    EXPECT_EQ(grey.size(0), 1);
    EXPECT_TRUE(whole.size(2) != 1 || grey[0].equal(whole.select(2, 0))) << entry.path();
  }
}

// Rows of noise, each with its filter byte.
std::string noise_rows(std::int64_t width, std::int64_t height, std::uint64_t seed) {
  test::MutationRandom random(seed, 0);
  std::string rows;
  for (std::int64_t row = 0; row < height; ++row) {
    rows += '\0';
    for (std::int64_t byte = 0; byte < 3 * width; ++byte) rows += static_cast<char>(random.next() >> 24);
  }
  return rows;
}

TEST_F(ReadPictureTest, PutsThePiecesOfALargePictureTogetherInEveryOrientation) {
  constexpr std::int64_t kWidth = 700;
  constexpr std::int64_t kHeight = 1100;  // three pieces, of which the last is smaller
  const auto rows = noise_rows(kWidth, kHeight, 1);
  const auto stored = torch::from_blob(const_cast<char*>(rows.data()), {kHeight, 3 * kWidth + 1}, torch::kUInt8)
                          .slice(1, 1)
                          .reshape({kHeight, kWidth, 3})
                          .permute({2, 0, 1});
  for (int orientation = 1; orientation <= 8; ++orientation) {
    Png png{kWidth, kHeight, 8, 2};
    png.before = test::png_chunk("eXIf", test::tiff_with_orientation(orientation));
    EXPECT_TRUE(planes_of(file(test::png_file(png, rows))).equal(upright(stored, orientation))) << orientation;
  }
}

// LibTorch's result for the whole picture; decoding in pieces must give the same values.
TEST(ShrinkToTest, GivesTheNumbersOfOneScaling) {
  const auto random = torch::randint(0, 256, {3, 1500, 1700}, torch::kUInt8);
  const auto reference = [](const torch::Tensor& planes, std::int64_t height, std::int64_t width) {
    return at::_upsample_bilinear2d_aa(planes.unsqueeze(0), {height, width}, false).squeeze(0);
  };
  EXPECT_TRUE(shrink_to(random, 512).equal(reference(random, 452, 512)));
  EXPECT_TRUE(shrink_to(random, 1699).equal(reference(random, 1499, 1699)));
  EXPECT_TRUE(shrink_to(random.slice(0, 0, 1), 300).equal(reference(random.slice(0, 0, 1), 265, 300)));
  const auto strip = torch::randint(0, 256, {1, 30'000, 37}, torch::kUInt8);
  EXPECT_TRUE(shrink_to(strip, 512).equal(reference(strip, 512, 1)));
  const auto view = random.narrow(1, 10, 1200).narrow(2, 3, 1300);
  EXPECT_TRUE(shrink_to(view, 256).equal(reference(view.contiguous(), 236, 256)));
}

// 81 megapixels of 1 bit in 10 KB; as RGB they are more than a picture may reserve.
std::string huge_png(int orientation) {
  Png png{9000, 9000, 1, 0};
  png.before = test::png_chunk("eXIf", test::tiff_with_orientation(orientation));
  std::string row(1 + 9000 / 8, '\x0f');  // four black pixels, four white ones
  row[0] = '\0';
  std::string rows;
  for (int y = 0; y < 9000; ++y) rows += row;
  return test::png_file(png, rows);
}

TEST_F(ReadPictureTest, ReadsAHugePictureAtHalfItsSizeInBoundedMemory) {
  const auto path = file(huge_png(6));
  const test::MemoryLimit limit(DecodingMemory::kMaxPerPicture);
  const auto planes = planes_of(path);
  ASSERT_EQ(planes.sizes(), (std::vector<std::int64_t>{3, 4500, 4500}));
  EXPECT_EQ(planes[0].slice(0, 0, 4).select(1, 7).sum().item<int>(), 2 * 255) << "turned";
  EXPECT_TRUE(planes[2].select(1, 0).equal(planes[2].select(1, 4499)));
}

TEST_F(ReadPictureTest, TakesTheMeanOfPixelsAtTheEdgesToo) {
  // 1 x 65,537: longer than the limit for full size, and the last pixel has no partner.
  std::string rows;
  for (int y = 0; y < 65'537; ++y) rows += {'\0', static_cast<char>(y % 2 == 0 ? 10 : 21)};
  rows.back() = '\x63';
  const auto planes = planes_of(file(test::png_file({1, 65'537, 8, 0}, rows)), Colors::grey);
  ASSERT_EQ(planes.sizes(), (std::vector<std::int64_t>{1, 32'769, 1}));
  EXPECT_TRUE(planes[0].slice(0, 0, 32'768).eq(16).all().item<bool>()) << "15.5, rounded";
  EXPECT_EQ(planes[0][32'768][0].item<int>(), 0x63);
}

TEST_F(ReadPictureTest, RefusesWhatTakesTooMuchHoweverSmallItIsMade) {
  const test::MemoryLimit limit(32 * kMiB);
  const auto header = [](const std::string& png) { return png.substr(0, png.find("IDAT") + 4); };
  auto interlaced = header(test::png_file({1, 1, 8, 6, true}));
  interlaced.replace(16, 8, test::big_endian_32(9000) + test::big_endian_32(9000));
  EXPECT_THAT(error(test::with_png_checksums(interlaced)),
              AllOf(HasSubstr("of 9,000 x 9,000 pixels needs 3"), HasSubstr(" MiB of memory to decode, the limit is"),
                    HasSubstr("without interlacing")));
  auto jpeg = test::flat_jpeg({16, 16, true});
  jpeg.replace(jpeg.find("\xff\xc2") + 5, 4, test::big_endian_16(12'000) + test::big_endian_16(12'000));
  EXPECT_THAT(error(jpeg), AllOf(HasSubstr("of 12,000 x 12,000 pixels needs 2"), HasSubstr("baseline JPEG")));
  auto wide = header(test::png_file({1, 1, 8, 6}));
  wide.replace(16, 8, test::big_endian_32(89'000'000) + test::big_endian_32(1));
  EXPECT_THAT(error(test::with_png_checksums(wide)), HasSubstr("of 89,000,000 x 1 pixels needs 2,"));
}

TEST_F(ReadPictureTest, GivesMemoryBackWhateverHappens) {
  const auto before = memory_.free();
  EXPECT_EQ(before, DecodingMemory::kMaxPerPicture);
  const auto good = folder_ / "good.png";
  test::write_file(good, test::png_file({100, 100}));
  with_picture(good, Colors::grey, memory_, [&](const torch::Tensor& planes) {
    EXPECT_LT(memory_.free(), before);
    return planes;
  });
  EXPECT_EQ(memory_.free(), before);
  error(test::png_file({100, 100}).substr(0, 60));
  EXPECT_EQ(memory_.free(), before);
  EXPECT_THROW(
      with_picture(good, Colors::grey, memory_, [](const torch::Tensor&) -> torch::Tensor { throw std::bad_alloc(); }),
      std::bad_alloc);
  EXPECT_EQ(memory_.free(), before);
}

TEST(DecodingMemoryTest, ThreadsWaitUntilThereIsRoom) {
  constexpr int kThreads = 8;
  constexpr std::uint64_t kBytes = DecodingMemory::kMaxPerPicture / 2;
  DecodingMemory memory(2);
  const std::uint64_t all = DecodingMemory::kMaxPerPicture + DecodingMemory::kExtraPerThread;
  ASSERT_EQ(memory.free(), all);
  std::atomic<std::uint64_t> taken = 0;
  std::atomic<std::uint64_t> most = 0;
  std::vector<std::thread> threads(kThreads);
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      for (int round = 0; round < 50; ++round) {
        const auto share = memory.reserve(kBytes);
        const std::uint64_t now = taken += kBytes;
        for (std::uint64_t old = most; old < now && !most.compare_exchange_weak(old, now);) continue;
        std::this_thread::yield();
        taken -= kBytes;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, all);
  EXPECT_EQ(memory.free(), all);
}

Preprocessing recipe_for(Preprocessing::Kind kind) {
  Preprocessing preprocessing;
  preprocessing.kind = kind;
  if (kind == Preprocessing::Kind::photo) {
    preprocessing.channels = 3;
    preprocessing.height = preprocessing.width = 24;
    preprocessing.resize = 32;
  }
  return preprocessing;
}

// White ink is invisible over white.
TEST(TransparentPictureTest, WhiteInkOnNothingIsReadOverBlack) {
  const test::TemporaryFolder folder;
  std::string rows;
  for (int row = 0; row < 60; ++row) {
    rows += '\0';
    for (int column = 0; column < 40; ++column) {
      const bool inked = row >= 10 && row < 50 && column >= 15 && column < 23;
      rows += std::string("\xff\xff\xff", 3) + (inked ? '\xff' : '\0');
    }
  }
  test::write_file(folder / "white.png", test::png_file({40, 60, 8, 6}, rows));
  DecodingMemory memory(1);
  const auto found = find_items(InputFile(folder / "white.png", "image"), recipe_for(Preprocessing::Kind::digit),
                                Invert::automatic, memory)
                         .items;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NEAR(static_cast<double>(found[0].box.top), 10, 2);
  EXPECT_NEAR(static_cast<double>(found[0].box.height), 40, 4);
  EXPECT_TRUE(has_transparency(InputFile(folder / "white.png", "image")));
}

TEST(PictureMutations, ArePreparedOrRefused) {
  std::vector<std::string> inputs;
  for (const auto* name : {"rgb_8.png", "palette_8_alpha.png", "grey_16_interlaced.png", "jpeg_444.jpg",
                           "jpeg_progressive.jpg", "jpeg_cmyk.jpg", "jpeg_exif_6.jpg"}) {
    inputs.push_back(test::content_of(test::fixture(std::string("images/") + name)));
  }
  DecodingMemory memory(1);
  const auto prepared = [&](const std::filesystem::path& path) {
    const auto digit = recipe_for(Preprocessing::Kind::digit);
    const auto photo = recipe_for(Preprocessing::Kind::photo);
    EXPECT_EQ(prepare_file(path, digit, Invert::automatic, memory).numel(), 28 * 28);
    EXPECT_EQ(prepare_file(path, photo, Invert::automatic, memory).numel(), 3 * 24 * 24);
  };
  test::expect_read_or_refused({6, inputs, prepared, test::repair_png, DecodingMemory::kMaxPerPicture + 128 * kMiB});
}

// The longer side is limited after scaling, not only before it.
TEST(PreparePhotoMemoryTest, AStripIsNotScaledUpToFillTheMemory) {
  auto preprocessing = recipe_for(Preprocessing::Kind::photo);
  preprocessing.resize = 1024;
  const auto strip = torch::full({1, 60'000, 3}, 50, torch::kUInt8);
  const test::MemoryLimit limit(64 * kMiB);
  EXPECT_EQ(prepare_image(strip, preprocessing, Invert::never).sizes(), (std::vector<std::int64_t>{3, 24, 24}));
}

}  // namespace
}  // namespace mnist
