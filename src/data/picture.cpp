#include "picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <ATen/ops/_upsample_bilinear2d_aa.h>

#include "mnist/data/prepare.hpp"

namespace mnist {
namespace {

// Calls `use(index, {red, green, blue})` for each pixel. `backdrop`: grey level.
template <typename Use>
void for_each_opaque(const torch::Tensor& pixels, int backdrop, Use use) {
  TORCH_CHECK(pixels.dim() == 3 && pixels.scalar_type() == torch::kUInt8 && pixels.size(2) >= 1 && pixels.size(2) <= 4,
              "pixels are uint8 [height, width, 1..4]");
  const auto source = pixels.contiguous();
  const auto* bytes = source.data_ptr<std::uint8_t>();
  const auto channels = source.size(2);
  const auto count = source.size(0) * source.size(1);
  const bool has_alpha = channels == 2 || channels == 4;
  const bool has_color = channels >= 3;
  for (std::int64_t index = 0; index < count; ++index, bytes += channels) {
    std::array<int, 3> color{bytes[0], bytes[has_color ? 1 : 0], bytes[has_color ? 2 : 0]};
    if (has_alpha) {
      const int alpha = bytes[channels - 1];
      for (int& value : color) value = (value * alpha + backdrop * (255 - alpha) + 127) / 255;
    }
    use(index, color);
  }
}

torch::Tensor resize_at_once(const torch::Tensor& planes, std::int64_t height, std::int64_t width) {
  const std::array<std::int64_t, 2> size{height, width};
  return at::_upsample_bilinear2d_aa(planes.unsqueeze(0), size, /*align_corners=*/false).squeeze(0);
}

// Resizes in parts along `dimension`, 1 (rows) or 2 (columns), whose size does not change. `size`: rows and columns of
// the result.
torch::Tensor resize_in_strips(const torch::Tensor& planes, std::int64_t dimension, std::array<std::int64_t, 2> size) {
  constexpr std::int64_t kStripPixels = std::int64_t{1} << 18;
  auto result = torch::empty({planes.size(0), size[0], size[1]}, torch::kUInt8);
  const auto most = std::max<std::int64_t>(1, kStripPixels / planes.size(3 - dimension));
  const auto end = planes.size(dimension);
  for (std::int64_t begin = 0; begin < end; begin += most) {
    const auto count = std::min(most, end - begin);
    size[static_cast<std::size_t>(dimension - 1)] = count;
    result.narrow(dimension, begin, count)
        .copy_(resize_at_once(planes.narrow(dimension, begin, count).contiguous(), size[0], size[1]));
  }
  return result;
}

}  // namespace

torch::Tensor to_grey(const torch::Tensor& pixels, Backdrop backdrop) {
  auto grey = torch::empty({1, pixels.size(0), pixels.size(1)}, torch::kUInt8);
  auto* out = grey.data_ptr<std::uint8_t>();
  const int level = backdrop == Backdrop::white ? 255 : 0;
  for_each_opaque(pixels, level, [&](std::int64_t index, const std::array<int, 3>& color) {
    out[index] = static_cast<std::uint8_t>((color[0] * 19595 + color[1] * 38470 + color[2] * 7471 + 0x8000) >> 16);
  });
  return grey;
}

torch::Tensor to_rgb(const torch::Tensor& pixels) {
  auto rgb = torch::empty({3, pixels.size(0), pixels.size(1)}, torch::kUInt8);
  auto* out = rgb.data_ptr<std::uint8_t>();
  const auto plane = pixels.size(0) * pixels.size(1);
  for_each_opaque(pixels, 255, [&](std::int64_t index, const std::array<int, 3>& color) {
    for (int channel = 0; channel < 3; ++channel) {
      out[channel * plane + index] = static_cast<std::uint8_t>(color[static_cast<std::size_t>(channel)]);
    }
  });
  return rgb;
}

torch::Tensor resize(const torch::Tensor& planes, std::int64_t height, std::int64_t width) {
  if (planes.size(1) == height && planes.size(2) == width) return planes;
  // LibTorch copies bytes to four channels before it resizes them. It scales one dimension after the other and rounds
  // in between, so resizing in parts gives the same numbers with less memory.
  constexpr std::int64_t kLarge = std::int64_t{1} << 20;  // pixels
  if (planes.scalar_type() != torch::kUInt8 || planes.size(1) * planes.size(2) <= kLarge) {
    return resize_at_once(planes, height, width);
  }
  return resize_in_strips(resize_in_strips(planes, 1, {planes.size(1), width}), 2, {height, width});
}

torch::Tensor shrink_to(const torch::Tensor& planes, std::int64_t longest) {
  const auto height = planes.size(1);
  const auto width = planes.size(2);
  const auto longer = std::max(height, width);
  if (longer <= longest) return planes;
  const auto scaled = [&](std::int64_t side) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(side * longest) / static_cast<double>(longer)));
  };
  return resize(planes, scaled(height), scaled(width));
}

}  // namespace mnist
