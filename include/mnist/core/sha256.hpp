// SHA-256 (FIPS 180-4) by OpenSSL's libcrypto: detects changed bytes. Not for secrets.
#pragma once

#include <cstddef>
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

// The digest of `bytes`, 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace mnist
