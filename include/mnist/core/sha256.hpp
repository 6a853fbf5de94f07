// SHA-256 (FIPS 180-4) by OpenSSL's libcrypto, on Windows by the system's: detects changed bytes. Not for secrets.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace mnist {

// The digest of bytes that arrive in parts. All functions throw `std::runtime_error` if the library fails (an
// internal error).
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(const void* bytes, std::size_t count);
  void update(std::string_view bytes) { update(bytes.data(), bytes.size()); }

  // The digest of all bytes so far: 64 lower-case hexadecimal digits. You can call `update` again afterwards.
  std::string hex() const;

 private:
  struct State;  // of the library
  std::unique_ptr<State> state_;
};

// The digest of the bytes of a regular file, which is read piece by piece. `what` names its role in messages ("model
// file"). Throws a data `Error` if it cannot be read.
std::string file_sha256(const std::filesystem::path& path, std::string_view what);

// The digest of `bytes`, 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace mnist
