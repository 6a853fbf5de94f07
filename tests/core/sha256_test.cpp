// SHA-256 against the digests of FIPS 180-4's examples and of NIST's "SHA Test Vectors for Hashing Byte-Oriented
// Messages" (SHA256ShortMsg.rsp).
#include "mnist/core/sha256.hpp"

#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

constexpr const char* kOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, GivesThePublishedDigests) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), kOfAbc);
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(sha256_hex("\xd3"), "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
}

TEST(Sha256, TakesBytesInParts) {
  const std::string text(1000, 'a');
  Sha256 parts;
  for (std::size_t begin = 0, size = 1; begin < text.size(); begin += size, ++size) {
    parts.update(std::string_view(text).substr(begin, size));
  }
  EXPECT_EQ(parts.hex(), sha256_hex(text));
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  const test::TemporaryFolder folder;
  const std::string bytes(3 << 20, 'x');  // several pieces
  test::write_file(folder / "file", bytes);
  EXPECT_EQ(file_sha256(folder / "file", "model file"), sha256_hex(bytes));
  EXPECT_THROW(file_sha256(folder / "none", "model file"), Error);
}

TEST(Sha256, GoesOnAfterADigest) {
  Sha256 sha256;
  sha256.update("ab");
  EXPECT_EQ(sha256.hex(), sha256_hex("ab"));
  sha256.update("c");
  EXPECT_EQ(sha256.hex(), kOfAbc);
  EXPECT_EQ(sha256.hex(), kOfAbc);
}

}  // namespace
}  // namespace mnist
