// Pictures are PNG files with something on them where it belongs, and replace their file as a whole.
#include "mnist/report/pictures.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "support/hashed.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

// Width and height from a PNG's first chunk.
std::pair<unsigned, unsigned> png_size(const std::filesystem::path& path) {
  const std::string bytes = test::content_of(path);
  EXPECT_EQ(bytes.substr(1, 3), "PNG");
  const auto number = [&](std::size_t at) {
    unsigned value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes.at(at + i));
    return value;
  };
  return {number(16), number(20)};
}

TEST(Pictures, AGridHasATileForEachImage) {
  const test::TemporaryFolder folder;
  std::vector<CaptionedImage> images;
  images.reserve(5);
  for (int i = 0; i < 5; ++i) images.push_back({test::hashed_pixels({i % 2 == 0 ? 3 : 1, 40, 60}, 1), "a\nb\nc"});
  draw_image_grid(folder / "grid.png", images, 2);
  const auto [width, height] = png_size(folder / "grid.png");
  EXPECT_EQ(width, 16u + 2 * 256);
  EXPECT_EQ(height, 16u + 3 * 302);
}

TEST(Pictures, NamesOfAnyBytesAreDrawn) {
  const test::TemporaryFolder folder;
  draw_image(folder / "one.png", {test::hashed_pixels({3, 300, 200}, 1), "\xff\xfe caf\xc3\xa9 \x1b[31m"});
  EXPECT_EQ(png_size(folder / "one.png").first, 300u + 32);
}

TEST(Pictures, AConfusionMatrixOfAnySizeIsDrawn) {
  const test::TemporaryFolder folder;
  for (const std::int64_t classes : {2, 10, 100}) {
    std::vector<std::string> names;
    names.reserve(static_cast<std::size_t>(classes));
    for (std::int64_t i = 0; i < classes; ++i) names.push_back("class " + std::to_string(i));
    draw_confusion(folder / "confusion.png", at::eye(classes).mul(7).to(at::kLong), names);
    EXPECT_GT(png_size(folder / "confusion.png").first, 150u) << classes;
  }
}

TEST(Pictures, CurvesNeedNoValuesAndTakeOddOnes) {
  const test::TemporaryFolder folder;
  draw_curves(folder / "none.png", {});
  draw_curves(folder / "one.png", {{0}, {1}, {0}, {1}});
  draw_curves(folder / "many.png", {std::vector<float>(20000, 2.5F), std::vector<float>(20000, 0.3F), {1}, {0.5F}});
  for (const char* name : {"none.png", "one.png", "many.png"}) EXPECT_EQ(png_size(folder / name).first, 1208u) << name;
}

TEST(Pictures, AFolderThatIsNotThereIsAnError) {
  EXPECT_THROW(draw_curves("/proc/none/x.png", {}), Error);
}

}  // namespace
}  // namespace mnist
