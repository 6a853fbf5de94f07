// Unpacks gzip bytes piece by piece, so that a reader takes no more memory than it has checked: a small file can unpack
// to a thousand times its size.
// Not for writing gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include <zlib.h>

namespace mnist {

// Deflate cannot pack tighter than this (zlib's technical notes, "Maximum Compression Factor").
inline constexpr std::uint64_t kMaxGzipFactor = 1032;

class GzipReader {
 public:
  // `packed` is not copied and must outlive the reader. `path` is for messages.
  GzipReader(std::string_view packed, std::filesystem::path path);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  // Unpacks up to `count` bytes and returns how many there were: fewer than `count` only at the end, once the checksums
  // have been compared. Streams that follow each other are read as one.
  // Throws a data `Error` where the stream breaks off, is damaged, or is followed by other bytes.
  std::size_t read(void* out, std::size_t count);

 private:
  void next_stream();

  std::string_view packed_;
  std::filesystem::path path_;
  z_stream stream_{};
  bool finished_ = false;
};

}  // namespace mnist
