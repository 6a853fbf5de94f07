#include "mnist/format/idx.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"

#include "content_kind.hpp"
#include "file_errors.hpp"
#include "gzip.hpp"

namespace mnist {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 31;  // 40 times MNIST

// The content of the file from its begin to its end, unpacked where it is packed.
class Source {
 public:
  explicit Source(const std::filesystem::path& path) : bytes_(read_file(path, "data file", kMaxBytes)) {
    if (bytes_.starts_with(kGzipSignature)) gzip_ = std::make_unique<GzipReader>(bytes_, path);
  }

  // Returns fewer than `count` bytes only at the end.
  std::size_t read(void* out, std::size_t count) {
    if (gzip_) return gzip_->read(out, count);
    const auto copied = bytes_.copy(static_cast<char*>(out), count, position_);
    position_ += copied;
    return copied;
  }

  // The most bytes that `read` can give in all.
  std::uint64_t bound() const { return gzip_ ? bytes_.size() * kMaxGzipFactor : bytes_.size(); }

  // How these lengths are spoken of.
  const char* bound_words() const { return gzip_ ? "at most " : ""; }
  const char* unpacked() const { return gzip_ ? " (unpacked)" : ""; }

 private:
  std::string bytes_;
  std::unique_ptr<GzipReader> gzip_;
  std::size_t position_ = 0;
};

std::uint32_t big_endian(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

[[noreturn]] void throw_wrong_kind(std::string_view begin, int dimensions, const std::filesystem::path& path) {
  const char* const wanted = dimensions == 3 ? "images" : "labels";
  const auto kind = content_kind(begin);
  if (!kind.empty()) {
    throw data_error(fmt::format("{} is {} where an IDX file of {} is wanted", quoted(path), kind, wanted),
                     kind.starts_with("an IDX") ? "the names of the files may have been swapped" : kFetchAgain);
  }
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(begin[index]); };
  throw data_error(
      fmt::format("{} is not an IDX file of {}: it begins with {:02x} {:02x} {:02x} {:02x} instead of 00 00 08 {:02x}",
                  quoted(path), wanted, byte(0), byte(1), byte(2), byte(3), dimensions),
      kFetchAgain);
}

torch::Tensor read_idx(const std::filesystem::path& path, int dimensions) {
  Source source(path);
  std::array<unsigned char, 512> begin{};
  const std::size_t header_size = 4 + 4 * static_cast<std::size_t>(dimensions);
  auto got = source.read(begin.data(), header_size);
  const std::array<unsigned char, 4> magic{0, 0, 8, static_cast<unsigned char>(dimensions)};
  if (got >= magic.size() && !std::equal(magic.begin(), magic.end(), begin.begin())) {
    got += source.read(begin.data() + got, begin.size() - got);
    throw_wrong_kind({reinterpret_cast<const char*>(begin.data()), got}, dimensions, path);
  }
  if (got < header_size) {
    throw data_error(fmt::format("{} holds {} bytes{}, fewer than the {} of an IDX header: an interrupted download?",
                                 quoted(path), got, source.unpacked(), header_size),
                     kFetchAgain);
  }

  std::vector<std::int64_t> sizes;
  std::uint64_t content_size = 1;
  std::uint64_t extent = 1;  // the same without the zeros, which could hide absurd sizes behind them
  for (int dimension = 0; dimension < dimensions; ++dimension) {
    const auto size = big_endian(begin.data() + 4 + std::ptrdiff_t{4} * dimension);
    sizes.push_back(size);
    // Neither can overflow: `extent` stays as it is once it is above the bound, and the other is never larger.
    if (extent <= kMaxBytes) {
      content_size *= size;
      extent *= std::max(size, 1U);
    }
  }
  if (extent > kMaxBytes) {
    throw data_error(fmt::format("{} is damaged: its header promises {} bytes, more than any file that is read here",
                                 quoted(path), fmt::join(sizes, " x ")),
                     kFetchAgain);
  }
  const auto cut_off = [&](const char* at_most, std::uint64_t present) {
    return data_error(
        fmt::format("{} holds {}{} of {} bytes{}: an interrupted download?", quoted(path), at_most,
                    with_thousands(present), with_thousands(header_size + content_size), source.unpacked()),
        kFetchAgain);
  };

  // No memory for what cannot be there.
  if (header_size + content_size > source.bound()) throw cut_off(source.bound_words(), source.bound());
  auto content = torch::empty(sizes, torch::kUInt8);
  got = source.read(content.data_ptr(), content_size);
  if (got < content_size) throw cut_off("", header_size + got);
  // Also lets a gzip stream come to its end, where the checksum is.
  if (unsigned char extra = 0; source.read(&extra, 1) > 0) {
    throw data_error(fmt::format("{} is damaged: it goes on after the {} bytes that its header promises{}",
                                 quoted(path), with_thousands(header_size + content_size), source.unpacked()),
                     kFetchAgain);
  }
  return content;
}

}  // namespace

torch::Tensor read_idx_images(const std::filesystem::path& path) {
  return read_idx(path, 3);
}

torch::Tensor read_idx_labels(const std::filesystem::path& path) {
  return read_idx(path, 1);
}

}  // namespace mnist
