#include "mnist/core/sha256.hpp"

// The second header needs the first one.
// clang-format off
#include <windows.h>
#include <bcrypt.h>
// clang-format on

#include <array>
#include <stdexcept>

#include <fmt/format.h>

namespace mnist {
namespace {

void check(NTSTATUS status) {
  if (status < 0) throw std::runtime_error("Windows cannot compute SHA-256");
}

BCRYPT_ALG_HANDLE algorithm() {
  static const BCRYPT_ALG_HANDLE handle = [] {
    BCRYPT_ALG_HANDLE opened = nullptr;
    check(::BCryptOpenAlgorithmProvider(&opened, BCRYPT_SHA256_ALGORITHM, nullptr, 0));
    return opened;
  }();
  return handle;
}

}  // namespace

struct Sha256::State {
  State() { check(::BCryptCreateHash(algorithm(), &hash, nullptr, 0, nullptr, 0, 0)); }
  explicit State(BCRYPT_HASH_HANDLE other) { check(::BCryptDuplicateHash(other, &hash, nullptr, 0, 0)); }
  ~State() { ::BCryptDestroyHash(hash); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  BCRYPT_HASH_HANDLE hash = nullptr;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}

Sha256::~Sha256() = default;

void Sha256::update(const void* bytes, std::size_t count) {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  auto* next = static_cast<UCHAR*>(const_cast<void*>(bytes));  // the function only reads
  while (count > 0) {
    const std::size_t part = count < kMost ? count : kMost;
    check(::BCryptHashData(state_->hash, next, static_cast<ULONG>(part), 0));
    next += part;
    count -= part;
  }
}

std::string Sha256::hex() const {
  const State copy(state_->hash);  // finishing ends the digest, but `update` may follow
  std::array<UCHAR, 32> digest{};
  check(::BCryptFinishHash(copy.hash, digest.data(), digest.size(), 0));
  std::string text;
  for (const UCHAR byte : digest) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

}  // namespace mnist
