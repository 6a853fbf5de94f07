// Reads zip archives in PyTorch's layout: every entry is stored uncompressed under one root folder. Much stricter than
// the format: entries must follow each other without gaps, and both descriptions of an entry must agree, so that a
// single wrong byte anywhere is detected. Keeps only the directory in memory. Not for other zip archives.
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
  // Reads only the directory, which shows the kind of archive. `file` must outlive the reader. Throws a data `Error`
  // that names the file.
  explicit ZipReader(const FileBytes& file);
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  // Whether the archive's comment is a SHA-256 of all bytes before it; if so, it was checked.
  bool hashed() const { return hashed_; }

  // Names are relative to the root folder: "data.pkl", "data/0".
  bool contains(std::string_view name) const { return index_.contains(name); }
  bool contains_folder(std::string_view name) const;  // "code/"

  // Checks local headers, padding, gaps, and the checksums if the archive has them. Throws a data `Error` that names
  // the wrong entry. Call it before using contents.
  void check_contents();

  // False if all checksums are 0: torch.save after `torch.serialization.set_crc32_options(False)`.
  bool has_checksums() const { return has_checksums_; }

  // The position of an entry's bytes in the file.
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
