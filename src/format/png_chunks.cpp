#include "png_chunks.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "content_kind.hpp"

namespace mnist {
namespace {

constexpr int kMostChunks = 1 << 20;         // more than the largest supported picture has
constexpr std::size_t kHead = 8;             // bytes of length and type
constexpr std::uint64_t kFrame = kHead + 4;  // bytes of a chunk without its data

}  // namespace

std::uint32_t big_endian_32(const char* bytes) {
  const auto* const b = reinterpret_cast<const unsigned char*>(bytes);
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

std::optional<std::uint64_t> for_each_png_chunk(const InputFile& file,
                                                const std::function<bool(const PngChunk&)>& visit) {
  std::uint64_t position = kPngSignature.size();
  for (int i = 0; i < kMostChunks; ++i) {
    std::array<char, kHead + 32> begin{};
    const std::size_t got = file.read_at(position, begin.data(), begin.size());
    if (got < kHead) break;
    const std::size_t length = big_endian_32(begin.data());
    const std::string_view type(begin.data() + 4, 4);
    if (type == "IEND") return position + kFrame + length;
    if (length > std::numeric_limits<std::int32_t>::max()) break;
    const std::string_view data(begin.data() + kHead, std::min(got - kHead, length));
    if (!visit({type, data, position + kHead, length})) break;
    position += kFrame + length;
  }
  return std::nullopt;
}

}  // namespace mnist
