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
#include "mnist/core/input_file.hpp"
#include "mnist/core/text.hpp"

#include "content_kind.hpp"
#include "file_errors.hpp"
#include "gzip.hpp"

namespace mnist {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 31;  // 40 times MNIST
constexpr std::uint64_t kMaxUnpacked = std::uint64_t{64} << 20;
constexpr std::uint64_t kMaxUnpackedFactor =
    128;  // of the packed size; pictures of digits shrink by factors of 5 to 50

// The content of the file from start to end, unpacked if it is gzip.
class Source {
 public:
  explicit Source(const std::filesystem::path& path) : file_(path, "data file") {
    std::string begin(kGzipSignature.size(), '\0');
    file_.read_at(0, begin.data(), begin.size());
    if (begin == kGzipSignature) gzip_ = std::make_unique<GzipReader>(file_);
  }

  // Returns fewer than `count` bytes only at the end.
  std::size_t read(void* out, std::size_t count) { return gzip_ ? gzip_->read(out, count) : file_.read(out, count); }

  std::uint64_t size() const { return file_.size(); }
  bool packed() const { return gzip_ != nullptr; }

  // The maximum number of bytes that `read` can return in total.
  std::uint64_t bound() const { return gzip_ ? file_.size() * kMaxGzipFactor : file_.size(); }

  // Words for lengths in messages.
  const char* unpacked() const { return gzip_ ? " (unpacked)" : ""; }

 private:
  InputFile file_;
  std::unique_ptr<GzipReader> gzip_;
};

std::uint32_t big_endian(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

[[noreturn]] void throw_wrong_kind(std::string_view begin, int dimensions, const std::filesystem::path& path) {
  const char* const expected = dimensions == 3 ? "images" : "labels";
  const auto kind = content_kind(begin);
  if (!kind.empty()) {
    throw data_error(fmt::format("{} is {}, not an IDX file of {}", quoted(path), kind, expected),
                     kind.starts_with("an IDX") ? "the files may be swapped: check their names" : fetch_again());
  }
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(begin[index]); };
  throw data_error(
      fmt::format("{} is not an IDX file of {}: it begins with {:02x} {:02x} {:02x} {:02x} instead of 00 00 08 {:02x}",
                  quoted(path), expected, byte(0), byte(1), byte(2), byte(3), dimensions),
      fetch_again());
}

struct Header {
  std::vector<std::int64_t> sizes;
  std::uint64_t length;   // bytes, of the header itself
  std::uint64_t content;  // bytes that follow it
};

Error cut_off(const Source& source, const Header& header, const char* at_most, std::uint64_t present,
              const std::filesystem::path& path) {
  const auto thousands = [](std::uint64_t number) { return with_thousands(static_cast<std::int64_t>(number)); };
  return data_error(fmt::format("{} holds {}{} of {} bytes{}: an interrupted download?", quoted(path), at_most,
                                thousands(present), thousands(header.length + header.content), source.unpacked()),
                    fetch_again());
}

// Checks sizes before memory is allocated.
void check_size(const Source& source, const Header& header, const std::filesystem::path& path) {
  if (header.length + header.content > source.bound()) {
    throw cut_off(source, header, source.packed() ? "at most " : "", source.bound(), path);
  }
  if (source.packed() && header.content > std::max(kMaxUnpacked, kMaxUnpackedFactor * source.size())) {
    throw data_error(fmt::format("{} would unpack to {} bytes, more than {} times its size", quoted(path),
                                 with_thousands(static_cast<std::int64_t>(header.content)), kMaxUnpackedFactor),
                     "if this size is correct, unpack it first with gunzip");
  }
}

Header read_header(Source& source, int dimensions, const std::filesystem::path& path) {
  std::array<unsigned char, 512> begin{};
  Header header{{}, 4 + 4 * static_cast<std::uint64_t>(dimensions), 1};
  auto got = source.read(begin.data(), header.length);
  const std::array<unsigned char, 4> magic{0, 0, 8, static_cast<unsigned char>(dimensions)};
  if (got >= magic.size() && !std::equal(magic.begin(), magic.end(), begin.begin())) {
    got += source.read(begin.data() + got, begin.size() - got);
    throw_wrong_kind({reinterpret_cast<const char*>(begin.data()), got}, dimensions, path);
  }
  if (got < header.length) {
    throw data_error(
        fmt::format("{} holds {}{}, fewer than the {} of an IDX header: an interrupted download?", quoted(path),
                    counted(static_cast<std::int64_t>(got), "byte"), source.unpacked(), header.length),
        fetch_again());
  }
  std::uint64_t extent = 1;  // the content's size without zero dimensions, which could hide absurd sizes
  for (int dimension = 0; dimension < dimensions; ++dimension) {
    const auto size = big_endian(begin.data() + 4 + std::ptrdiff_t{4} * dimension);
    header.sizes.push_back(size);
    // Neither can overflow: `extent` does not change after it exceeds the limit, and the other is never larger.
    if (extent <= kMaxBytes) {
      header.content *= size;
      extent *= std::max(size, 1U);
    }
  }
  if (extent > kMaxBytes) {
    throw data_error(fmt::format("{} is damaged: its header promises {} bytes, more than the limit", quoted(path),
                                 fmt::join(header.sizes, " x ")),
                     fetch_again());
  }
  check_size(source, header, path);
  return header;
}

torch::Tensor read_idx(const std::filesystem::path& path, int dimensions) {
  Source source(path);
  const Header header = read_header(source, dimensions, path);
  auto content = torch::empty(header.sizes, torch::kUInt8);
  const std::uint64_t got = source.read(content.data_ptr(), header.content);
  if (got < header.content) throw cut_off(source, header, "", header.length + got, path);
  // Also reads a gzip stream to its end, where the checksum is.
  if (unsigned char extra = 0; source.read(&extra, 1) > 0) {
    throw data_error(
        fmt::format("{} is damaged: it has more than the {} bytes that its header promises{}", quoted(path),
                    with_thousands(static_cast<std::int64_t>(header.length + header.content)), source.unpacked()),
        fetch_again());
  }
  return content;
}

std::vector<std::int64_t> read_sizes(const std::filesystem::path& path, int dimensions) {
  Source source(path);
  return read_header(source, dimensions, path).sizes;
}

}  // namespace

std::vector<std::int64_t> read_idx_image_sizes(const std::filesystem::path& path) {
  return read_sizes(path, 3);
}

std::vector<std::int64_t> read_idx_label_sizes(const std::filesystem::path& path) {
  return read_sizes(path, 1);
}

torch::Tensor read_idx_images(const std::filesystem::path& path) {
  return read_idx(path, 3);
}

torch::Tensor read_idx_labels(const std::filesystem::path& path) {
  return read_idx(path, 1);
}

}  // namespace mnist
