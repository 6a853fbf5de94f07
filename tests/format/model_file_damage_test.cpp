// Model files that are not as they were written: none may be taken for a good one, none may do harm.
#include <cstdint>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/models.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::HasSubstr;

class Damage : public ::testing::TestWithParam<const char*> {
 protected:
  // The bytes of a small model of our own.
  std::string good_file() {
    const auto path = folder_ / (std::string("good") + GetParam());
    write_model_file(path, small_state(), small_recipe());
    return content_of(path);
  }

  bool is_refused(const std::string& bytes) {
    remake_file(folder_ / "x.pt", bytes);
    try {
      read_model_file(folder_ / "x.pt");
    } catch (const Error& error) {
      return error.kind() == ErrorKind::data;
    }
    return false;
  }

  TemporaryFolder folder_;
};

TEST_P(Damage, EveryChangedByteIsNoticed) {
  auto bytes = good_file();
  ASSERT_FALSE(is_refused(bytes));
  for (auto& byte : bytes) {
    for (const int mask : {0x01, 0x80, 0xff}) {
      byte = static_cast<char>(byte ^ mask);
      ASSERT_TRUE(is_refused(bytes)) << "byte " << &byte - bytes.data() << " of " << bytes.size() << ", mask " << mask;
      byte = static_cast<char>(byte ^ mask);
    }
  }
}

TEST_P(Damage, EveryTruncationIsNoticed) {
  const auto bytes = good_file();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_TRUE(is_refused(bytes.substr(0, size))) << size << " of " << bytes.size() << " bytes";
  }
}

TEST_P(Damage, BytesAtTheEndAreNoticed) {
  EXPECT_TRUE(is_refused(good_file() + '\0'));
  EXPECT_TRUE(is_refused(good_file() + good_file()));
}

INSTANTIATE_TEST_SUITE_P(All, Damage, ::testing::Values(".pt", ".safetensors"),
                         [](const auto& test) { return std::string(test.param).substr(1); });

// The files of the legacy stream and of other programs have fewer checksums or none.
TEST(Truncation, IsNoticedAtEveryLength) {
  TemporaryFolder folder;
  for (const auto* file : {"legacy.pt", "state.pt", "zipfile.pt", "types.safetensors"}) {
    const auto bytes = content_of(fixture("models") / file);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      remake_file(folder / "x.pt", bytes.substr(0, size));
      ASSERT_THROW(read_model_file(folder / "x.pt"), Error) << file << ", " << size << " bytes";
    }
  }
}

TEST(DamageMessage, NamesThePlace) {
  TemporaryFolder folder;
  write_model_file(folder / "good.pt", small_state(), small_recipe());
  auto bytes = content_of(folder / "good.pt");
  remake_file(folder / "x.pt", bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(refusal_of(folder / "x.pt"), HasSubstr("x.pt' is truncated: "));
  // The first tensor begins at a multiple of 64, behind its name and at least four bytes of padding.
  const std::string name = "archive/data/0";
  const auto weight = (bytes.find(name) + name.size() + 4 + 63) / 64 * 64;
  bytes[weight] = static_cast<char>(bytes[weight] ^ 1);
  remake_file(folder / "x.pt", bytes);
  EXPECT_THAT(refusal_of(folder / "x.pt"), HasSubstr("entry '" + name + "' does not match its checksum"));

  write_model_file(folder / "good.safetensors", small_state(), small_recipe());
  bytes = content_of(folder / "good.safetensors");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_file(folder / "x.safetensors", bytes);
  EXPECT_THAT(refusal_of(folder / "x.safetensors"), HasSubstr("does not match its checksum"));
}

class Mutation : public ::testing::TestWithParam<const char*> {};

// Random changes, most of them small: whatever comes of it is a model or an `Error`.
TEST_P(Mutation, IsReadOrRefused) {
  TemporaryFolder folder;
  const auto original = content_of(fixture("models") / GetParam());
  std::mt19937 random(7);
  const auto below = [&](std::size_t bound) { return random() % bound; };
  const std::string interesting("\x00\x01\x7f\x80\xff().0ehqtuRQXKMJNb{}[]", 26);
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    auto bytes = original;
    for (std::size_t change = 0; change <= below(4); ++change) {
      const auto at = below(bytes.size());
      switch (below(6)) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = interesting[below(interesting.size())];
          break;
        case 2:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
          break;
        case 3:
          bytes.erase(at, 1 + below(8));
          break;
        case 4:
          bytes.insert(at, original.substr(below(original.size()), 1 + below(8)));
          break;
        default:
          bytes.replace(at, 4, std::string(4, below(2) == 0 ? '\xff' : '\x7f'));
      }
      if (bytes.empty()) bytes = original;
    }
    remake_file(folder / "x.pt", bytes);
    try {
      const auto model = read_model_file(folder / "x.pt");
      std::size_t total = 0;
      for (const auto& entry : model.state) total += entry.second.nbytes();
      ASSERT_LE(total, std::size_t{2} << 20);
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::data);
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

INSTANTIATE_TEST_SUITE_P(All, Mutation,
                         ::testing::Values("state.pt", "legacy.pt", "class_names.pt", "checkpoint.pt",
                                           "views_legacy.pt", "types.pt", "types.safetensors", "zipfile.pt",
                                           "torchscript.pt", "whole_module.pt"));

}  // namespace
}  // namespace mnist::test
