#include "mnist/format/image.hpp"

#include <string>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/text.hpp"

#include "content_kind.hpp"
#include "image_decoder.hpp"
#include "png_chunks.hpp"

namespace mnist {
namespace {

constexpr std::uint64_t kMaxPixels = 200'000'000;  // the largest phone cameras

// Throws a data `Error` if a second PNG image follows the first one, as after `cat *.png`: nobody would get its answer.
// Not for JPEG, whose files from phones contain further images.
void check_is_single(const InputFile& file) {
  const auto end = for_each_png_chunk(file, [](const PngChunk&) { return true; });
  std::string next(kPngSignature.size(), '\0');
  if (!end || file.read_at(*end, next.data(), next.size()) < next.size() || next != kPngSignature) return;
  throw data_error(fmt::format("{} contains more than one image", quoted(file.path())),
                   "give the paths of the images, or a list of them: ls *.png | mnist infer --files-from -");
}

std::unique_ptr<ImageDecoder> open_decoder(const InputFile& file) {
  constexpr std::size_t kBegin = 512;
  std::string bytes(kBegin, '\0');
  bytes.resize(file.read_at(0, bytes.data(), bytes.size()));
  if (bytes.starts_with(kPngSignature)) {
    check_is_single(file);
    return open_png(file);
  }
  if (bytes.starts_with(kJpegSignature)) return open_jpeg(file);
  const auto kind = content_kind(bytes);
  if (kind.empty()) {
    throw data_error(fmt::format("{} is neither a PNG nor a JPEG image", quoted(file.path())),
                     "only PNG and JPEG are supported; if it is an image, convert it to PNG");
  }
  throw data_error(fmt::format("{} is {}; only PNG and JPEG are supported", quoted(file.path()), kind),
                   kind.ends_with("image") ? "convert it to PNG" : "give the path of an image");
}

}  // namespace

void check_image_size(std::uint64_t width, std::uint64_t height, const std::filesystem::path& path) {
  if (width == 0 || height == 0) throw data_error(fmt::format("image {} has no pixels", quoted(path)));
  if (width * height <= kMaxPixels) return;
  throw data_error(fmt::format("image {} is too large: {} x {} pixels, the limit is {} in total", quoted(path),
                               with_thousands(static_cast<std::int64_t>(width)),
                               with_thousands(static_cast<std::int64_t>(height)), with_thousands(kMaxPixels)),
                   "make a smaller copy of it");
}

ImageReader::ImageReader(const std::filesystem::path& path)
    : file_(std::make_unique<InputFile>(path, "image")), decoder_(open_decoder(*file_)) {}

ImageReader::ImageReader(const InputFile& file) : decoder_(open_decoder(file)) {}

ImageReader::~ImageReader() = default;

std::int64_t ImageReader::height() const {
  return decoder_->header().height;
}

std::int64_t ImageReader::width() const {
  return decoder_->header().width;
}

std::int64_t ImageReader::channels() const {
  return decoder_->header().channels;
}

int ImageReader::orientation() const {
  return decoder_->header().orientation;
}

std::uint64_t ImageReader::memory() const {
  return decoder_->header().memory;
}

torch::Tensor ImageReader::read_rows(std::int64_t count) {
  auto rows = torch::empty({count, width(), channels()}, torch::kUInt8);
  decoder_->read_rows(rows.data_ptr<std::uint8_t>(), count);
  return rows;
}

torch::Tensor upright(const torch::Tensor& planes, int orientation) {
  constexpr int kRows = 1;
  constexpr int kColumns = 2;
  switch (orientation) {
    case 2:
      return planes.flip({kColumns});
    case 3:
      return planes.flip({kRows, kColumns});
    case 4:
      return planes.flip({kRows});
    case 5:
      return planes.transpose(kRows, kColumns);
    case 6:
      return planes.transpose(kRows, kColumns).flip({kColumns});
    case 7:
      return planes.transpose(kRows, kColumns).flip({kRows, kColumns});
    case 8:
      return planes.transpose(kRows, kColumns).flip({kRows});
    default:
      return planes;
  }
}

torch::Tensor read_image(const std::filesystem::path& path) {
  ImageReader reader(path);
  constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;
  const auto pixels = static_cast<std::uint64_t>(reader.height() * reader.width() * reader.channels());
  if (reader.memory() + pixels > kMostBytes) {
    throw data_error(fmt::format("image {} is too large to be read as a whole: {} x {} pixels", quoted(path),
                                 with_thousands(reader.width()), with_thousands(reader.height())),
                     "make a smaller copy of it");
  }
  const auto planes = reader.read_rows(reader.height()).permute({2, 0, 1});
  return upright(planes, reader.orientation()).permute({1, 2, 0}).contiguous();
}

bool has_image_extension(const std::filesystem::path& path) {
  const std::string extension = lower_case(path.extension().string());
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

}  // namespace mnist
