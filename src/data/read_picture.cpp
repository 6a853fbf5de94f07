#include "mnist/data/read_picture.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"
#include "mnist/data/prepare.hpp"
#include "mnist/format/image.hpp"

#include "picture.hpp"
#include "shrinker.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kLongestSide = 65'535;  // maximum of a JPEG; resizing a longer side needs too much memory
constexpr std::int64_t kStripBytes = 1 << 20;  // decoded at once
constexpr std::uint64_t kScratch = std::uint64_t{4} << 20;  // for the work of `use`

std::int64_t divided(std::int64_t side, std::int64_t factor) {
  return (side + factor - 1) / factor;
}

std::int64_t strip_rows(const ImageReader& reader) {
  return std::clamp<std::int64_t>(kStripBytes / (reader.width() * reader.channels()), 1, reader.height());
}

struct Plan {
  std::int64_t factor = 1;   // divisor of the sides
  std::uint64_t memory = 0;  // bytes
};

Plan plan_of(const ImageReader& reader, std::int64_t planes) {
  // A decoded strip, its planes, and the rotated planes.
  const auto strip = strip_rows(reader) * reader.width() * (reader.channels() + 2 * planes);
  const auto pixels = reader.height() * reader.width();
  const std::uint64_t fixed =
      reader.memory() + static_cast<std::uint64_t>(strip) + std::min(kScratch, static_cast<std::uint64_t>(4 * pixels));
  Plan plan;
  for (;; plan.factor *= 2) {
    const auto height = divided(reader.height(), plan.factor);
    const auto width = divided(reader.width(), plan.factor);
    plan.memory = fixed + static_cast<std::uint64_t>(planes * height * width);
    const bool fits = plan.memory <= DecodingMemory::kMaxPerPicture && std::max(height, width) <= kLongestSide;
    if (fits || std::max(height, width) == 1) return plan;
  }
}

void check_memory(const Plan& plan, const ImageReader& reader, const std::filesystem::path& path) {
  if (plan.memory <= DecodingMemory::kMaxPerPicture) return;
  constexpr std::uint64_t kMiB = 1 << 20;
  throw data_error(
      fmt::format("image {} of {} x {} pixels needs {} MiB of memory to decode, the limit is {} MiB", quoted(path),
                  with_thousands(reader.width()), with_thousands(reader.height()),
                  with_thousands(static_cast<std::int64_t>(plan.memory / kMiB)), DecodingMemory::kMaxPerPicture / kMiB),
      "make a smaller copy of it, or save it without interlacing, or as a baseline JPEG instead of a progressive one");
}

// Whether stored rows become columns of the upright picture, ...
bool is_turned(int orientation) {
  return orientation >= 5;
}

// ... and whether they are stored from its end to its start.
bool is_reversed(int orientation) {
  return orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
}

torch::Tensor read_planes(ImageReader& reader, Colors colors, Backdrop backdrop, std::int64_t factor) {
  const std::int64_t planes = colors == Colors::grey ? 1 : 3;
  const int orientation = reader.orientation();
  const auto height = divided(reader.height(), factor);
  const auto width = divided(reader.width(), factor);
  const bool turned = is_turned(orientation);
  auto picture = torch::empty({planes, turned ? width : height, turned ? height : width}, torch::kUInt8);
  Shrinker shrinker(planes, reader.height(), reader.width(), factor);
  const auto rows_at_once = strip_rows(reader);
  std::int64_t done = 0;  // rows of the result, as stored
  for (std::int64_t row = 0; row < reader.height(); row += rows_at_once) {
    const auto rows = reader.read_rows(std::min(rows_at_once, reader.height() - row));
    auto strip = colors == Colors::grey ? to_grey(rows, backdrop) : to_rgb(rows);
    if (factor > 1) strip = shrinker.add(strip);
    const auto count = strip.size(1);
    const auto place = is_reversed(orientation) ? height - done - count : done;
    picture.narrow(turned ? 2 : 1, place, count).copy_(upright(strip, orientation));
    done += count;
  }
  return picture;
}

}  // namespace

torch::Tensor with_picture(const InputFile& file, Colors colors, DecodingMemory& memory,
                           const std::function<torch::Tensor(const torch::Tensor& planes)>& use, Backdrop backdrop) {
  auto reader = std::make_unique<ImageReader>(file);
  const Plan plan = plan_of(*reader, colors == Colors::grey ? 1 : 3);
  check_memory(plan, *reader, file.path());
  const auto share = memory.reserve(plan.memory);
  const auto planes = read_planes(*reader, colors, backdrop, plan.factor);
  reader.reset();  // frees memory for `use`
  return use(planes);
}

torch::Tensor with_picture(const std::filesystem::path& path, Colors colors, DecodingMemory& memory,
                           const std::function<torch::Tensor(const torch::Tensor& planes)>& use) {
  return with_picture(InputFile(path, "image"), colors, memory, use);
}

bool has_transparency(const InputFile& file) {
  return ImageReader(file).channels() % 2 == 0;
}

}  // namespace mnist
