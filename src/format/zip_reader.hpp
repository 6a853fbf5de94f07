// A zip archive as PyTorch lays it out: every entry stored uncompressed under one root folder. Far stricter than the
// format: what it accepts is one file after another without a gap, described twice without a contradiction, so that a
// single wrong byte anywhere is noticed. Not for zip archives at large.
//
// Source: PKWARE, "APPNOTE.TXT", version 6.3.10, sections 4.3 to 4.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mnist {

class ZipReader {
 public:
  // Reads the directory at the archive's end: enough to say what kind of archive it is. `bytes`, the whole file, must
  // outlive the reader. Throws a data `Error` naming `source`.
  ZipReader(std::string_view bytes, std::string source);

  // Whether its comment is the SHA-256 of all that is before it, which was compared then.
  bool hashed() const { return hashed_; }

  // Names are relative to the root folder: "data.pkl", "data/0".
  bool contains(std::string_view name) const { return index_.contains(name); }
  bool contains_folder(std::string_view name) const;  // "code/"

  // Checks all that the directory does not say by itself: local headers, padding, gaps, checksums.
  // Throws a data `Error` naming the entry that is wrong. To be called before contents are used.
  void check_contents() const;

  // Throws a data `Error` where there is no such entry.
  std::string_view content(std::string_view name) const;

 private:
  struct Entry {
    std::string_view header;  // of the directory, 46 bytes
    std::string_view name;    // with the root folder
    std::uint32_t crc = 0;
    std::size_t size = 0;
    std::size_t offset = 0;  // of the local header
  };

  std::size_t find_directory(std::size_t& count);
  void read_directory(std::size_t count);
  std::size_t check_entry(const Entry& entry, std::size_t next) const;
  std::size_t content_offset(const Entry& entry) const;

  std::string_view bytes_;
  std::string source_;
  bool hashed_ = false;
  std::size_t directory_begin_ = 0;
  std::size_t directory_end_ = 0;
  std::vector<Entry> entries_;                     // in the order of the file
  std::map<std::string_view, std::size_t> index_;  // name below the root -> index in entries_
};

}  // namespace mnist
