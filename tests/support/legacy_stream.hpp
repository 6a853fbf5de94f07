// Builds legacy streams of torch.save by hand. They have no checksums, so their pickles can contain anything. A pickle
// is composed of the parts in namespace `pickle`; each part pushes one value on the pickle's stack.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mnist::test {

namespace pickle {

using namespace std::string_literals;

inline std::string little_endian(std::uint64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}
inline std::string integer(std::int64_t value) {
  return "\x8a\x08"s + little_endian(static_cast<std::uint64_t>(value), 8);
}
inline std::string text(const std::string& value) {
  return "X"s + little_endian(value.size(), 4) + value;
}
template <typename... Values>
std::string tuple(const Values&... values) {
  return "("s + (values + ... + "t"s);
}
inline std::string storage(std::int64_t count, const std::string& type = "FloatStorage", const std::string& key = "0") {
  return tuple(text("storage"), "ctorch\n"s + type + "\n", text(key), text("cpu"), integer(count), "N"s) + "Q";
}
// `storage`, `sizes` and `strides` are values.
inline std::string tensor(const std::string& storage, std::int64_t offset, const std::string& sizes,
                          const std::string& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n"s + tuple(storage, integer(offset), sizes, strides, "\x89"s, "}"s) + "R";
}
// Adds an item to the dict on top of the stack.
inline std::string item(const std::string& key, const std::string& value) {
  return text(key) + value + "s";
}

}  // namespace pickle

struct LegacyStorage {
  std::string key;
  std::uint64_t count = 0;  // elements
  std::string bytes;
};

// The whole file. `contents`: the pickle of its contents.
inline std::string legacy_file(const std::string& contents, const std::vector<LegacyStorage>& storages) {
  using namespace pickle;
  const std::string begin = "\x80\x02";
  std::string file = begin + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + begin + "M\xe9\x03." + begin + "}" +
                     item("little_endian", "\x88") + "." + begin + contents + "." + begin + "]";
  for (const LegacyStorage& storage : storages) file += text(storage.key) + "a";
  file += ".";
  for (const LegacyStorage& storage : storages) file += little_endian(storage.count, 8) + storage.bytes;
  return file;
}

}  // namespace mnist::test
