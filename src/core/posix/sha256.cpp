#include "mnist/core/sha256.hpp"

#include <array>
#include <openssl/evp.h>
#include <stdexcept>

#include <fmt/format.h>

namespace mnist {
namespace {

void check(bool done) {
  if (!done) throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

}  // namespace

struct Sha256::State {
  struct Free {
    void operator()(EVP_MD_CTX* it) const { EVP_MD_CTX_free(it); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  check(state_->context != nullptr && EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::update(const void* bytes, std::size_t count) {
  check(EVP_DigestUpdate(state_->context.get(), bytes, count) == 1);
}

std::string Sha256::hex() const {
  const State copy;  // finishing ends the digest, but `update` may follow
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  check(copy.context != nullptr && EVP_MD_CTX_copy_ex(copy.context.get(), state_->context.get()) == 1 &&
        EVP_DigestFinal_ex(copy.context.get(), digest.data(), &size) == 1);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", static_cast<unsigned>(digest[i]));
  return text;
}

}  // namespace mnist
