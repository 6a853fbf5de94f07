#include "mnist/core/sha256.hpp"

#include <vector>

#include "mnist/core/input_file.hpp"

namespace mnist {
std::string file_sha256(const std::filesystem::path& path, std::string_view what) {
  InputFile file(path, what);
  Sha256 sha256;
  std::vector<char> bytes(std::size_t{1} << 20);
  for (std::size_t count = 0; (count = file.read(bytes.data(), bytes.size())) > 0;) sha256.update(bytes.data(), count);
  return sha256.hex();
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 sha256;
  sha256.update(bytes);
  return sha256.hex();
}

}  // namespace mnist
