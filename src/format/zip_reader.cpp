#include "zip_reader.hpp"

#include <algorithm>
#include <utility>

#include "mnist/core/sha256.hpp"
#include "mnist/core/text.hpp"

#include "bytes.hpp"
#include "crc.hpp"
#include "file_errors.hpp"
#include "zip_records.hpp"

namespace mnist {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kEntrySize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kEnd64Size = 56;
constexpr std::size_t kLocator64Size = 20;

constexpr unsigned kMadeOnUnix = 0x0314;  // what Python's zipfile writes; PyTorch writes 0

std::size_t u16(std::string_view bytes, std::size_t offset) {
  return load_little_endian<std::uint16_t>(bytes, offset);
}
std::size_t u32(std::string_view bytes, std::size_t offset) {
  return load_little_endian<std::uint32_t>(bytes, offset);
}
std::uint64_t u64(std::string_view bytes, std::size_t offset) {
  return load_little_endian<std::uint64_t>(bytes, offset);
}

// A count or place of the end record may be all ones where the zip64 record beside it has the true one.
bool agrees(std::size_t small, std::size_t all_ones, std::size_t value) {
  return small == value || small == all_ones;
}

}  // namespace

ZipReader::ZipReader(std::string_view bytes, std::string source) : bytes_(bytes), source_(std::move(source)) {
  std::size_t count = 0;
  directory_begin_ = find_directory(count);
  read_directory(count);
}

// Sets directory_end_ and `count`, the number of entries; returns where the directory begins.
std::size_t ZipReader::find_directory(std::size_t& count) {
  const auto last = bytes_.rfind(kEndSignature);
  if (last == std::string_view::npos || bytes_.size() - last < kEndSize) {
    throw truncated_error(source_, "its zip archive has no end record");
  }
  const auto end = bytes_.substr(last);
  const auto comment = end.substr(kEndSize);
  hashed_ = comment.size() == kCommentSize && comment.starts_with(kHashComment) && u16(end, 20) == kCommentSize;
  if (hashed_) {
    const auto covered = bytes_.substr(0, bytes_.size() - kHashDigits);
    if (sha256_hex(covered) != comment.substr(kHashComment.size())) {
      throw damaged_error(source_, "its SHA-256 does not match");
    }
  } else if (!comment.empty()) {
    throw damaged_error(source_, "bytes follow the end of its zip archive");
  }
  count = u16(end, 10);
  auto size = u32(end, 12);
  auto begin = u32(end, 16);
  directory_end_ = last;
  bool consistent = u16(end, 4) == 0 && u16(end, 6) == 0 && u16(end, 8) == count && u16(end, 20) == comment.size();

  const auto locator_offset = last < kLocator64Size ? 0 : last - kLocator64Size;
  if (bytes_.substr(locator_offset).starts_with(kLocator64Signature) && locator_offset >= kEnd64Size) {
    directory_end_ = locator_offset - kEnd64Size;
    const auto locator = bytes_.substr(locator_offset);
    const auto end64 = bytes_.substr(directory_end_);
    consistent = consistent && u32(locator, 4) == 0 && u64(locator, 8) == directory_end_ && u32(locator, 16) == 1 &&
                 end64.starts_with(kEnd64Signature) && u64(end64, 4) == kEnd64Size - 12;
    // Version 3.0 on Unix is what PyTorch writes, 4.5 what Python's zipfile does; both need version 4.5.
    consistent = consistent && (u16(end64, 12) == 0x031e || u16(end64, 12) == 45) && u16(end64, 14) == 45;
    consistent = consistent && u32(end64, 16) == 0 && u32(end64, 20) == 0 && u64(end64, 24) == u64(end64, 32) &&
                 agrees(count, 0xffff, u64(end64, 32)) && agrees(size, 0xffffffff, u64(end64, 40)) &&
                 agrees(begin, 0xffffffff, u64(end64, 48));
    count = u64(end64, 32);
    size = u64(end64, 40);
    begin = u64(end64, 48);
  }
  if (!consistent || begin > directory_end_ || size != directory_end_ - begin || count > size / kEntrySize) {
    throw damaged_error(source_, "the end record of its zip archive contradicts itself");
  }
  return begin;
}

void ZipReader::read_directory(std::size_t count) {
  auto rest = bytes_.substr(directory_begin_, directory_end_ - directory_begin_);
  for (std::size_t i = 0; i < count; ++i) {
    if (rest.size() < kEntrySize || !rest.starts_with(kEntrySignature)) {
      throw damaged_error(source_, "the directory of its zip archive ends early");
    }
    const auto header = rest.substr(0, kEntrySize);
    const auto name_size = u16(header, 28);
    if (name_size > rest.size() - kEntrySize) {
      throw damaged_error(source_, "a name in the directory of its zip archive is too long");
    }
    const Entry entry{header, rest.substr(kEntrySize, name_size), static_cast<std::uint32_t>(u32(header, 16)),
                      u32(header, 24), u32(header, 42)};
    // No extra fields and no comments: a zip64 extra field belongs to entries of 4 GB and more.
    if (u16(header, 30) != 0 || u16(header, 32) != 0 || u16(header, 34) != 0) {
      throw damaged_error(source_, "the directory of its zip archive describes entry " + quoted_name(entry.name) +
                                       " in a way that PyTorch does not write");
    }
    const auto slash = entry.name.find('/');
    if (slash == std::string_view::npos || slash == 0) {
      throw data_error(source_ + " is a zip archive, but not one of PyTorch: entry " + quoted_name(entry.name) +
                           " lies outside a folder",
                       "give the file that torch.save wrote");
    }
    if (!entries_.empty() && !entry.name.starts_with(entries_[0].name.substr(0, entries_[0].name.find('/') + 1))) {
      throw data_error(source_ + " is a zip archive, but not one of PyTorch: it holds more than one folder",
                       "give the file that torch.save wrote");
    }
    if (!index_.emplace(entry.name.substr(slash + 1), i).second) {
      throw damaged_error(source_, "its zip archive holds two entries " + quoted_name(entry.name));
    }
    entries_.push_back(entry);
    rest.remove_prefix(kEntrySize + name_size);
  }
  if (!rest.empty()) throw damaged_error(source_, "the directory of its zip archive holds bytes of no entry");
}

bool ZipReader::contains_folder(std::string_view name) const {
  const auto first = index_.lower_bound(name);
  return first != index_.end() && first->first.starts_with(name);
}

void ZipReader::check_contents() const {
  std::size_t expected = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].offset != expected) {
      throw damaged_error(source_, "entry " + quoted_name(entries_[i].name) + " is not where the one before it ends");
    }
    expected = check_entry(entries_[i], i + 1 < entries_.size() ? entries_[i + 1].offset : directory_begin_);
  }
  if (expected != directory_begin_) throw damaged_error(source_, "its zip archive has a gap before the directory");
}

// Returns where the entry ends, its descriptor included. `next`: where something else begins.
std::size_t ZipReader::check_entry(const Entry& entry, std::size_t next) const {
  const auto name = quoted_name(entry.name);
  const auto flags = u16(entry.header, 8);
  if ((flags & kEncrypted) != 0) {
    throw data_error(source_ + " is an encrypted zip archive", "unpack it and pack its folder again without password");
  }
  if (u16(entry.header, 10) != 0) {
    throw data_error(source_ + " holds entry " + name + " in compressed form, which PyTorch does not write",
                     "give the file that torch.save wrote, or pack it again uncompressed (zip -0)");
  }
  if (entry.offset >= directory_begin_ || directory_begin_ - entry.offset < kLocalSize) {
    throw damaged_error(source_, "entry " + name + " lies outside the archive");
  }
  const auto local = bytes_.substr(entry.offset, directory_begin_ - entry.offset);
  const auto name_size = u16(local, 26);
  const auto extra_size = u16(local, 28);
  if (!local.starts_with(kLocalSignature) || local.size() - kLocalSize < name_size + extra_size ||
      local.size() - kLocalSize - name_size - extra_size < entry.size) {
    throw damaged_error(source_, "entry " + name + " lies outside the archive");
  }

  // Version needed, flags, method, time and date stand side by side in both headers.
  bool consistent =
      local.substr(4, 10) == entry.header.substr(6, 10) && local.substr(kLocalSize, name_size) == entry.name;
  const bool has_descriptor = (flags & kHasDescriptor) != 0;
  const auto sizes = local.substr(14, 12);
  consistent =
      consistent && (sizes == entry.header.substr(16, 12) || (has_descriptor && sizes == "\0\0\0\0\0\0\0\0\0\0\0\0"sv));
  consistent = consistent && (flags & ~(kHasDescriptor | kUtf8)) == 0 && u32(entry.header, 20) == entry.size;
  const auto made_by = u16(entry.header, 4);
  const bool no_attributes = u16(entry.header, 36) == 0 && u32(entry.header, 38) == 0;
  consistent = consistent && ((made_by == 0 && no_attributes) || made_by == kMadeOnUnix);
  if (!consistent) throw damaged_error(source_, "the two descriptions of entry " + name + " differ");

  // The extra field "FB" only pads, so that the content begins at a multiple of 64 bytes.
  const auto extra = local.substr(kLocalSize + name_size, extra_size);
  if (!extra.empty() && (extra.size() < 4 || !extra.starts_with("FB") || u16(extra, 2) != extra.size() - 4 ||
                         extra.find_first_not_of('Z', 4) != std::string_view::npos)) {
    throw damaged_error(source_, "entry " + name + " has an extra field that PyTorch does not write");
  }

  auto end = content_offset(entry) + entry.size;
  if (has_descriptor) {
    const auto with_signature = bytes_.substr(end, 4) == kDescriptorSignature && next == end + 16;
    const auto begin = end + (with_signature ? 4 : 0);
    if (next != begin + 12 || bytes_.substr(begin, 12) != entry.header.substr(16, 12)) {
      throw damaged_error(source_, "the descriptor after entry " + name + " does not match the directory");
    }
    end = next;
  }
  if (crc32_of(bytes_.substr(content_offset(entry), entry.size)) != entry.crc) {
    throw damaged_error(source_, "entry " + name + " does not match its checksum");
  }
  return end;
}

std::size_t ZipReader::content_offset(const Entry& entry) const {
  return entry.offset + kLocalSize + u16(bytes_, entry.offset + 26) + u16(bytes_, entry.offset + 28);
}

std::string_view ZipReader::content(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) throw damaged_error(source_, "its zip archive has no entry " + quoted_name(name));
  const auto& entry = entries_[found->second];
  return bytes_.substr(content_offset(entry), entry.size);
}

}  // namespace mnist
