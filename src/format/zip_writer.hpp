// Writes zip archives byte for byte in the layout of torch.save: entries stored, contents at multiples of 64 bytes
// (padded by the extra field "FB"), checksums in descriptors after the contents, zip64 end records. No times, no
// owners: the same entries give the same bytes.
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
  // `output` must outlive the writer; it is left to the caller to commit it.
  explicit ZipWriter(Output& output) : output_(output) {}

  // From now on everything is hashed; called first. The archive's comment holds the SHA-256 then.
  void hash_all() { hash_.emplace(); }

  // Throws a data `Error` as `Output` does, and where the archive would grow beyond 4 GB.
  void add(const std::string& name, std::string_view content);

  // 40 decimal digits that depend on the names and contents so far and on nothing else.
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
