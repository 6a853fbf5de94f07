#include "zip_reader.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/text.hpp"

#include "bytes.hpp"
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
constexpr std::uint64_t kMaxDirectorySize = 16 << 20;  // 200,000 entries

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

// A count or offset in the end record may be all ones if the zip64 record has the real value.
bool agrees(std::size_t small, std::size_t all_ones, std::size_t value) {
  return small == value || small == all_ones;
}

}  // namespace

ZipReader::ZipReader(const FileBytes& file) : file_(file) {
  const auto directory = find_directory();
  directory_begin_ = directory.begin;
  directory_ = file_.read(directory.begin, static_cast<std::size_t>(directory.end - directory.begin));
  read_directory(directory.count);
}

// `end`: the end record and the archive's comment, which is empty or the SHA-256 of all bytes before its digits.
void ZipReader::check_comment(std::string_view end) {
  const auto comment = end.substr(kEndSize);
  if (u16(end, 20) != comment.size()) throw damaged_error(file_.name(), "bytes follow the end of its zip archive");
  if (comment.empty()) return;
  if (comment.size() != kCommentSize || !comment.starts_with(kHashComment)) {
    throw damaged_error(file_.name(), "its zip archive has a comment, which PyTorch does not write");
  }
  if (file_.sha256(0, file_.size() - kHashDigits) != comment.substr(kHashComment.size())) {
    throw damaged_error(file_.name(), "its SHA-256 does not match");
  }
  hashed_ = true;
}

ZipReader::Directory ZipReader::find_directory() {
  // The end records and some extra bytes, to distinguish trailing bytes from an archive without an end record.
  const auto tail_size = std::min<std::uint64_t>(file_.size(), 4096);
  const auto tail_begin = file_.size() - tail_size;
  const auto tail_bytes = file_.read(tail_begin, static_cast<std::size_t>(tail_size));
  const std::string_view tail = tail_bytes;
  const auto last = tail.rfind(kEndSignature);
  if (last == std::string_view::npos || tail.size() - last < kEndSize) {
    throw truncated_error(file_.name(), "its zip archive has no end record");
  }
  const auto end = tail.substr(last);
  check_comment(end);
  std::uint64_t size = u32(end, 12);
  Directory directory{u32(end, 16), tail_begin + last, u16(end, 10)};
  bool consistent = u16(end, 4) == 0 && u16(end, 6) == 0 && u16(end, 8) == directory.count;

  const auto locator_offset = last < kLocator64Size ? 0 : last - kLocator64Size;
  if (tail.substr(locator_offset).starts_with(kLocator64Signature) && locator_offset >= kEnd64Size) {
    const auto end64_offset = locator_offset - kEnd64Size;
    directory.end = tail_begin + end64_offset;
    const auto locator = tail.substr(locator_offset);
    const auto end64 = tail.substr(end64_offset);
    consistent = consistent && u32(locator, 4) == 0 && u64(locator, 8) == directory.end && u32(locator, 16) == 1 &&
                 end64.starts_with(kEnd64Signature) && u64(end64, 4) == kEnd64Size - 12;
    // PyTorch writes version 3.0 on Unix, Python's zipfile 4.5; both need version 4.5.
    consistent = consistent && (u16(end64, 12) == 0x031e || u16(end64, 12) == 45) && u16(end64, 14) == 45;
    consistent = consistent && u32(end64, 16) == 0 && u32(end64, 20) == 0 && u64(end64, 24) == u64(end64, 32) &&
                 agrees(directory.count, 0xffff, u64(end64, 32)) && agrees(size, 0xffffffff, u64(end64, 40)) &&
                 agrees(directory.begin, 0xffffffff, u64(end64, 48));
    directory.count = u64(end64, 32);
    size = u64(end64, 40);
    directory.begin = u64(end64, 48);
  }
  if (!consistent || directory.begin > directory.end || size != directory.end - directory.begin ||
      directory.count > size / kEntrySize) {
    throw damaged_error(file_.name(), "the end record of its zip archive contradicts itself");
  }
  if (size > kMaxDirectorySize) {
    throw damaged_error(file_.name(), fmt::format("the directory of its zip archive has {} bytes, the limit is {}",
                                                  size, kMaxDirectorySize));
  }
  return directory;
}

void ZipReader::read_directory(std::uint64_t count) {
  std::string_view rest = directory_;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (rest.size() < kEntrySize || !rest.starts_with(kEntrySignature)) {
      throw damaged_error(file_.name(), "the directory of its zip archive ends early");
    }
    const auto header = rest.substr(0, kEntrySize);
    const auto name_size = u16(header, 28);
    if (name_size > rest.size() - kEntrySize) {
      throw damaged_error(file_.name(), "a name in the directory of its zip archive is too long");
    }
    add_entry({header, rest.substr(kEntrySize, name_size), static_cast<std::uint32_t>(u32(header, 16)), u32(header, 24),
               u32(header, 42)});
    rest.remove_prefix(kEntrySize + name_size);
  }
  if (!rest.empty()) throw damaged_error(file_.name(), "the directory of its zip archive holds bytes of no entry");
}

void ZipReader::add_entry(const Entry& entry) {
  // No extra fields and no comments: a zip64 extra field belongs to entries of 4 GB and more.
  if (u16(entry.header, 30) != 0 || u16(entry.header, 32) != 0 || u16(entry.header, 34) != 0) {
    throw damaged_error(file_.name(), "the directory of its zip archive describes entry " + quoted_name(entry.name) +
                                          " in a way that PyTorch does not write");
  }
  const auto slash = entry.name.find('/');
  if (slash == std::string_view::npos || slash == 0) {
    throw data_error(file_.name() + " is a zip archive, but not one of PyTorch: entry " + quoted_name(entry.name) +
                         " lies outside a folder",
                     "give the file that torch.save wrote");
  }
  if (!entries_.empty() && !entry.name.starts_with(entries_[0].name.substr(0, entries_[0].name.find('/') + 1))) {
    throw data_error(file_.name() + " is a zip archive, but not one of PyTorch: it holds more than one folder",
                     "give the file that torch.save wrote");
  }
  if (!index_.emplace(entry.name.substr(slash + 1), entries_.size()).second) {
    throw damaged_error(file_.name(), "its zip archive holds two entries " + quoted_name(entry.name));
  }
  has_checksums_ = has_checksums_ || entry.crc != 0;
  entries_.push_back(entry);
}

bool ZipReader::contains_folder(std::string_view name) const {
  const auto first = index_.lower_bound(name);
  return first != index_.end() && first->first.starts_with(name);
}

void ZipReader::check_contents() {
  std::uint64_t expected = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto& entry = entries_[i];
    if (entry.offset != expected) {
      throw damaged_error(file_.name(), "entry " + quoted_name(entry.name) + " is not where the one before it ends");
    }
    check_header(entry);
    find_content(entry);
    expected = check_entry(entry, i + 1 < entries_.size() ? entries_[i + 1].offset : directory_begin_);
  }
  if (expected != directory_begin_) {
    throw damaged_error(file_.name(), "its zip archive has a gap before the directory");
  }
}

// Checks an entry of the directory by itself.
void ZipReader::check_header(const Entry& entry) const {
  const auto flags = u16(entry.header, 8);
  if ((flags & kEncrypted) != 0) {
    throw data_error(file_.name() + " is an encrypted zip archive",
                     "unpack it and pack its folder again without password");
  }
  if (u16(entry.header, 10) != 0) {
    throw data_error(
        file_.name() + " holds entry " + quoted_name(entry.name) + " in compressed form, which PyTorch does not write",
        "give the file that torch.save wrote, or pack it again uncompressed (zip -0)");
  }
  const auto made_by = u16(entry.header, 4);
  const bool no_attributes = u16(entry.header, 36) == 0 && u32(entry.header, 38) == 0;
  if ((flags & ~(kHasDescriptor | kUtf8)) != 0 || u32(entry.header, 20) != entry.size ||
      !((made_by == 0 && no_attributes) || made_by == kMadeOnUnix)) {
    throw damaged_error(file_.name(), "the description of entry " + quoted_name(entry.name) + " contradicts itself");
  }
}

// Reads the local header, compares it with the directory and sets the offset of the content.
void ZipReader::find_content(Entry& entry) const {
  const auto outside = [&] {
    return damaged_error(file_.name(), "entry " + quoted_name(entry.name) + " lies outside the archive");
  };
  if (entry.offset >= directory_begin_ || directory_begin_ - entry.offset < kLocalSize) throw outside();
  const auto local = file_.read(entry.offset, kLocalSize);
  const auto name_size = u16(local, 26);
  const auto extra_size = u16(local, 28);
  const auto room = directory_begin_ - entry.offset - kLocalSize;
  if (!local.starts_with(kLocalSignature) || room < name_size + extra_size ||
      room - name_size - extra_size < entry.size) {
    throw outside();
  }
  const auto name_and_extra = file_.read(entry.offset + kLocalSize, name_size + extra_size);

  // In both headers, version needed, flags, method, time and date are adjacent, followed by checksum and sizes.
  const auto sizes = std::string_view(local).substr(14, 12);
  const bool has_descriptor = (u16(entry.header, 8) & kHasDescriptor) != 0;
  if (std::string_view(local).substr(4, 10) != entry.header.substr(6, 10) ||
      std::string_view(name_and_extra).substr(0, name_size) != entry.name ||
      (sizes != entry.header.substr(16, 12) && !(has_descriptor && sizes == "\0\0\0\0\0\0\0\0\0\0\0\0"sv))) {
    throw damaged_error(file_.name(), "the two descriptions of entry " + quoted_name(entry.name) + " differ");
  }

  // The extra field "FB" is padding, so that the content starts at a multiple of 64 bytes.
  const auto extra = std::string_view(name_and_extra).substr(name_size);
  if (!extra.empty() && (extra.size() < 4 || !extra.starts_with("FB") || u16(extra, 2) != extra.size() - 4 ||
                         extra.find_first_not_of('Z', 4) != std::string_view::npos)) {
    throw damaged_error(file_.name(),
                        "entry " + quoted_name(entry.name) + " has an extra field that PyTorch does not write");
  }
  entry.content = entry.offset + kLocalSize + name_size + extra_size;
}

// Returns the end of the entry, including its descriptor. `next`: the start of the next record.
std::uint64_t ZipReader::check_entry(const Entry& entry, std::uint64_t next) const {
  auto end = entry.content + entry.size;
  if ((u16(entry.header, 8) & kHasDescriptor) != 0) {
    // The signature is optional.
    const auto size = next == end + 16 ? 16U : 12U;
    const auto descriptor = next == end + size ? file_.read(end, size) : std::string();
    if (descriptor.empty() || (size == 16 && !descriptor.starts_with(kDescriptorSignature)) ||
        std::string_view(descriptor).substr(size - 12) != entry.header.substr(16, 12)) {
      throw damaged_error(file_.name(),
                          "the descriptor after entry " + quoted_name(entry.name) + " does not match the directory");
    }
    end = next;
  }
  if (has_checksums_ && file_.crc32(entry.content, entry.size) != entry.crc) {
    throw damaged_error(file_.name(), "entry " + quoted_name(entry.name) + " does not match its checksum");
  }
  return end;
}

ZipReader::Place ZipReader::place(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) throw damaged_error(file_.name(), "its zip archive has no entry " + quoted_name(name));
  const auto& entry = entries_[found->second];
  return {entry.content, entry.size};
}

std::string ZipReader::content(std::string_view name, std::size_t max_bytes) const {
  const auto [offset, size] = place(name);
  if (size > max_bytes) {
    throw data_error(
        fmt::format("entry {} of {} has {} bytes, the limit is {}", quoted_name(name), file_.name(), size, max_bytes),
        kStateHint);
  }
  return file_.read(offset, static_cast<std::size_t>(size));
}

}  // namespace mnist
