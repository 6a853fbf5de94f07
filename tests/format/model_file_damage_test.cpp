// Damaged model files: none may be accepted as good, none may do harm.
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/models.hpp"
#include "support/checksums.hpp"
#include "support/mutation_run.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::HasSubstr;

class Damage : public ::testing::TestWithParam<const char*> {
 protected:
  // The bytes of a small model of this program.
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
  // The first tensor starts at a multiple of 64, after its name and at least four bytes of padding.
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

void read_small_model(const std::filesystem::path& path) {
  std::size_t total = 0;
  for (const auto& entry : read_model_file(path).state) total += entry.second.nbytes();
  EXPECT_LE(total, std::size_t{2} << 20);
}

MutationRun of_fixtures(const std::vector<const char*>& files) {
  MutationRun run{.seed = 7, .read = read_small_model};
  for (const char* const file : files) run.inputs.push_back(content_of(fixture("models") / file));
  return run;
}

TEST(ModelMutations, OfZipsAreReadOrRefused) {
  auto run = of_fixtures(
      {"state.pt", "class_names.pt", "types.pt", "zipfile.pt", "lightning.ckpt", "torchscript.pt", "whole_module.pt"});
  run.repair = repair_zip;
  expect_read_or_refused(run);
}

TEST(ModelMutations, OfZipsWithoutChecksumsAreReadOrRefused) {
  expect_read_or_refused(of_fixtures({"no_checksums.pt"}));
}

TEST(ModelMutations, OfLegacyFilesAreReadOrRefused) {
  expect_read_or_refused(of_fixtures({"legacy.pt", "views_legacy.pt", "lightning_legacy.ckpt"}));
}

TEST(ModelMutations, OfSafetensorsAreReadOrRefused) {
  expect_read_or_refused(of_fixtures({"types.safetensors", "stacked.safetensors"}));
}

}  // namespace
}  // namespace mnist::test
