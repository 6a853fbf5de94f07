// Takes zip archives apart and rebuilds them with other contents, so that readers see contents of other sizes. As
// simple as the format allows; entries are not compressed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mnist/core/sha256.hpp"

#include "support/checksums.hpp"
#include "support/legacy_stream.hpp"

namespace mnist::test {

struct ZipContent {
  std::string name;  // "archive/data.pkl"
  std::string bytes;
};

// The entries of the directory that are inside the file.
inline std::vector<ZipContent> zip_contents(const std::uint8_t* data, std::size_t size) {
  std::vector<ZipContent> contents;
  for (const ZipPlace& place : zip_places(data, size)) {
    const auto* const begin = reinterpret_cast<const char*>(data);
    contents.push_back({std::string(begin + place.local + 30, load(data + place.local + 26, 2)),
                        std::string(begin + place.content, place.length)});
  }
  return contents;
}

// The archive of a checkpoint: its comment is the SHA-256 of all bytes before it.
inline std::string checkpoint_zip(const std::vector<ZipContent>& contents) {
  using pickle::little_endian;
  std::string file;
  std::string directory;
  for (const auto& [name, bytes] : contents) {
    // Version needed, flags, method, time and date; checksum; both sizes; length of the name.
    const std::uint32_t sum = crc(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    const std::string about = std::string(10, '\0') + little_endian(sum, 4) + little_endian(bytes.size(), 4) +
                              little_endian(bytes.size(), 4) + little_endian(name.size(), 2);
    // Made by; lengths of extra and comment, disk, attributes.
    directory.append("PK\x01\x02").append(2, '\0').append(about).append(12, '\0');
    directory.append(little_endian(file.size(), 4)).append(name);
    file.append("PK\x03\x04").append(about).append(2, '\0').append(name).append(bytes);
  }
  const std::string count = little_endian(contents.size(), 2);
  const std::string begin = little_endian(file.size(), 4);
  file += directory + "PK\x05\x06" + std::string(4, '\0') + count + count + little_endian(directory.size(), 4) + begin +
          little_endian(71, 2) + "sha256 ";
  return file + sha256_hex(file);
}

}  // namespace mnist::test
