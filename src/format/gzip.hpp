// Unpacks a gzip file in pieces, so that a reader can limit its memory: a small file can expand to a thousand times its
// size. Not for writing gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <zlib.h>

#include "mnist/core/input_file.hpp"

namespace mnist {

// Deflate's maximum compression factor (zlib's technical notes, "Maximum Compression Factor").
inline constexpr std::uint64_t kMaxGzipFactor = 1032;

class GzipReader {
 public:
  // Reads from the start of `file`, which must outlive the reader.
  explicit GzipReader(const InputFile& file);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  // Unpacks up to `count` bytes and returns their number: fewer than `count` only at the end, after the check of the
  // checksums. Consecutive streams are read as one. Throws a data `Error` if the stream is truncated, damaged, or
  // followed by other bytes.
  std::size_t read(void* out, std::size_t count);

 private:
  void refill();
  void next_stream();

  const InputFile& file_;
  std::uint64_t position_ = 0;  // in the file, after `buffer_`
  std::vector<unsigned char> buffer_;
  z_stream stream_{};
  bool finished_ = false;
};

}  // namespace mnist
