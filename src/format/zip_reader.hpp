// A zip archive as PyTorch lays it out: every entry stored uncompressed under one root folder. Far stricter than the
// format: what it accepts is one file after another without a gap, described twice without a contradiction, so that a
// single wrong byte anywhere is noticed. The directory at the archive's end is all that it keeps in memory. Not for zip
// archives at large.
//
// Source: PKWARE, "APPNOTE.TXT", version 6.3.10, sections 4.3 to 4.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "file_bytes.hpp"

namespace mnist {

class ZipReader {
 public:
  // Reads the directory: enough to say what kind of archive it is. `file` must outlive the reader. Throws a data
  // `Error` naming the file.
  explicit ZipReader(const FileBytes& file);
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  // Whether its comment is the SHA-256 of all that is before it, which was compared then.
  bool hashed() const { return hashed_; }

  // Names are relative to the root folder: "data.pkl", "data/0".
  bool contains(std::string_view name) const { return index_.contains(name); }
  bool contains_folder(std::string_view name) const;  // "code/"

  // Checks all that the directory does not say by itself: local headers, padding, gaps, and the checksums if the
  // archive has them. Throws a data `Error` naming the entry that is wrong. To be called before contents are used.
  void check_contents();

  // False if every checksum is 0, as torch.save writes them after `torch.serialization.set_crc32_options(False)`.
  bool has_checksums() const { return has_checksums_; }

  // Where the bytes of an entry lie in the file.
  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };

  // All throw a data `Error` if there is no such entry; the last also if it has more than `max_bytes`.
  Place place(std::string_view name) const;
  std::string content(std::string_view name, std::size_t max_bytes) const;

 private:
  struct Entry {
    std::string_view header;  // of the directory, 46 bytes
    std::string_view name;    // with the root folder
    std::uint32_t crc = 0;
    std::uint64_t size = 0;
    std::uint64_t offset = 0;   // of the local header
    std::uint64_t content = 0;  // offset of the bytes; after check_contents
  };
  struct Directory {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t count = 0;  // entries
  };

  Directory find_directory();
  void check_comment(std::string_view end);
  void read_directory(std::uint64_t count);
  void add_entry(const Entry& entry);
  void check_header(const Entry& entry) const;
  std::uint64_t check_entry(const Entry& entry, std::uint64_t next) const;
  void find_content(Entry& entry) const;

  const FileBytes& file_;
  bool hashed_ = false;
  std::uint64_t directory_begin_ = 0;
  std::string directory_;
  std::vector<Entry> entries_;                     // in the order of the file
  std::map<std::string_view, std::size_t> index_;  // name below the root -> index in entries_
  bool has_checksums_ = false;
};

}  // namespace mnist
