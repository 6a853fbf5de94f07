// Unpacks a gzip file piece by piece, so that a reader takes no more memory than it has checked: a small file can
// unpack to a thousand times its size. Not for writing gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <zlib.h>

#include "mnist/core/input_file.hpp"

namespace mnist {

// Deflate cannot pack tighter than this (zlib's technical notes, "Maximum Compression Factor").
inline constexpr std::uint64_t kMaxGzipFactor = 1032;

class GzipReader {
 public:
  // From the begin of `file`, which must outlive the reader.
  explicit GzipReader(const InputFile& file);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  // Unpacks up to `count` bytes and returns how many there were: fewer than `count` only at the end, once the checksums
  // have been compared. Streams that follow each other are read as one.
  // Throws a data `Error` if the stream breaks off, is damaged, or is followed by other bytes.
  std::size_t read(void* out, std::size_t count);

 private:
  void refill();
  void next_stream();

  const InputFile& file_;
  std::uint64_t position_ = 0;  // in the file, behind `buffer_`
  std::vector<unsigned char> buffer_;
  z_stream stream_{};
  bool finished_ = false;
};

}  // namespace mnist
