#include "mnist/core/sha256.hpp"

#include <array>
#include <openssl/evp.h>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/input_file.hpp"

namespace mnist {
namespace {

void check(bool done) {
  if (!done) throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  check(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::update(const void* bytes, std::size_t count) {
  check(EVP_DigestUpdate(context_.get(), bytes, count) == 1);
}

std::string Sha256::hex() const {
  Sha256 copy;  // finishing ends the digest, but `update` may follow
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  check(EVP_MD_CTX_copy_ex(copy.context_.get(), context_.get()) == 1 &&
        EVP_DigestFinal_ex(copy.context_.get(), digest.data(), &size) == 1);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", static_cast<unsigned>(digest[i]));
  return text;
}

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
