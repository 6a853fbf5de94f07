#include "mnist/format/image.hpp"

#include <string>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"

#include "content_kind.hpp"
#include "image_decoder.hpp"

namespace mnist {
namespace {

constexpr std::uint64_t kMaxPixels = 89'500'000;                   // about 9,460 x 9,460
constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{1} << 30;  // more than such an image needs unpacked

DecodedImage decode(const std::filesystem::path& path) {
  const auto bytes = read_file(path, "image", kMaxFileBytes);
  if (bytes.starts_with(kPngSignature)) return decode_png(bytes, path);
  if (bytes.starts_with(kJpegSignature)) return decode_jpeg(bytes, path);
  const auto kind = content_kind(bytes);
  if (kind.empty()) {
    throw data_error(fmt::format("{} is neither a PNG nor a JPEG image", quoted(path)),
                     "only PNG and JPEG are read; if it is an image, convert it to PNG");
  }
  throw data_error(fmt::format("{} is {}; only PNG and JPEG are read", quoted(path), kind),
                   kind.ends_with("image") ? "convert it to PNG" : "give the path of an image");
}

// [H, W, C] as stored -> [H', W', C] with its top row first.
torch::Tensor upright(const torch::Tensor& stored, int orientation) {
  constexpr int kRows = 0;
  constexpr int kColumns = 1;
  switch (orientation) {
    case 2:
      return stored.flip({kColumns});
    case 3:
      return stored.flip({kRows, kColumns});
    case 4:
      return stored.flip({kRows});
    case 5:
      return stored.transpose(kRows, kColumns);
    case 6:
      return stored.transpose(kRows, kColumns).flip({kColumns});
    case 7:
      return stored.transpose(kRows, kColumns).flip({kRows, kColumns});
    case 8:
      return stored.transpose(kRows, kColumns).flip({kRows});
    default:
      return stored;
  }
}

}  // namespace

void check_image_size(std::uint64_t width, std::uint64_t height, const std::filesystem::path& path) {
  if (width == 0 || height == 0) throw data_error(fmt::format("image {} has no pixels", quoted(path)));
  if (width * height <= kMaxPixels) return;
  throw data_error(fmt::format("image {} is too large: {} x {} pixels, the most is {} in all", quoted(path),
                               with_thousands(width), with_thousands(height), with_thousands(kMaxPixels)),
                   "make a smaller copy of it");
}

torch::Tensor read_image(const std::filesystem::path& path) {
  const auto image = decode(path);
  return upright(image.pixels, image.orientation).contiguous();
}

bool has_image_extension(const std::filesystem::path& path) {
  const std::string extension = lower_case(path.extension().string());
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

}  // namespace mnist
