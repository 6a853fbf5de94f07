// SHA-256 (FIPS 180-4) by OpenSSL's libcrypto: detects changed bytes. Not for secrets.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace mnist {

// The digest of bytes that arrive in parts. All functions throw `std::runtime_error` if OpenSSL fails (an internal
// error).
class Sha256 {
 public:
  Sha256();

  void update(const void* bytes, std::size_t count);
  void update(std::string_view bytes) { update(bytes.data(), bytes.size()); }

  // The digest of all bytes so far: 64 lower-case hexadecimal digits. You can call `update` again afterwards.
  std::string hex() const;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// The digest of the bytes of a regular file, which is read piece by piece. `what` names its role in messages ("model
// file"). Throws a data `Error` if it cannot be read.
std::string file_sha256(const std::filesystem::path& path, std::string_view what);

// The digest of `bytes`, 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace mnist
