// Writes zip archives exactly in the layout of torch.save: stored entries, contents at multiples of 64 bytes (padded by
// the extra field "FB"), checksums in descriptors after the contents, zip64 end records. Times and owners are omitted,
// so the same entries give the same bytes.
//
// Source: PKWARE, "APPNOTE.TXT", version 6.3.10; the layout of PyTorch 2.12's `torch.save`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mnist/core/output.hpp"
#include "mnist/core/sha256.hpp"

namespace mnist {

class ZipWriter {
 public:
  // `output` must outlive the writer; the caller commits it.
  explicit ZipWriter(Output& output) : output_(output) {}

  // Starts hashing; call it first. The archive's comment then contains the SHA-256.
  void hash_all() { hash_.emplace(); }

  // Throws a data `Error` like `Output`, and if the archive would exceed 4 GB.
  void add(const std::string& name, std::string_view content);

  // 40 decimal digits that depend only on the names and contents so far.
  std::string content_id() const;

  // Writes the directory. Nothing can be added after it.
  void finish();

 private:
  void write(std::string_view bytes);

  Output& output_;
  std::optional<Sha256> hash_;
  std::uint64_t offset_ = 0;
  std::uint64_t count_ = 0;
  std::string directory_;
};

}  // namespace mnist
