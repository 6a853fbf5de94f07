// Malicious checkpoints with correct checksums.
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/train/checkpoint.hpp"

#include "support/checksums.hpp"
#include "support/legacy_stream.hpp"
#include "support/memory_limit.hpp"
#include "support/mutation_run.hpp"
#include "support/temporary_folder.hpp"
#include "support/zip_file.hpp"

namespace mnist::test {
namespace {

using namespace pickle;
using namespace std::string_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

std::string fixture_bytes() {
  return content_of(fixture("checkpoints/version_1.pt"));
}

// A content of the fixture, by the end of its name.
std::string& content_in(std::vector<ZipContent>& contents, std::string_view name) {
  for (auto& content : contents) {
    if (content.name.ends_with(name)) return content.bytes;
  }
  throw std::out_of_range("the fixture has no such entry");
}

std::vector<ZipContent> fixture_contents() {
  const std::string bytes = fixture_bytes();
  return zip_contents(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

// The fixture with another content for an entry.
std::string fixture_with(std::string_view name, const std::string& bytes) {
  std::vector<ZipContent> contents = fixture_contents();
  content_in(contents, name) = bytes;
  return checkpoint_zip(contents);
}

constexpr auto kJson = "extra/checkpoint.json";
constexpr auto kPickle = "data.pkl";

class HostileCheckpoint : public ::testing::Test {
 protected:
  // The error for these bytes.
  std::string refusal(const std::string& bytes) const {
    write_file(folder_ / "x.pt", bytes);
    try {
      read_checkpoint(folder_ / "x.pt");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      return error.what();
    }
    return "was read";
  }

  std::string refusal_of_json(const std::function<void(Json& json)>& change) const {
    std::vector<ZipContent> contents = fixture_contents();
    Json json = Json::parse(content_in(contents, kJson));
    change(json);
    return refusal(fixture_with(kJson, json.dump()));
  }

  std::string refusal_of_pickle(const std::string& pickle) const {
    return refusal(fixture_with(kPickle, "\x80\x02" + pickle + "."));
  }

  TemporaryFolder folder_;
};

TEST_F(HostileCheckpoint, TheFrameItselfIsRead) {
  EXPECT_EQ(refusal_of_json([](Json&) {}), "was read");
}

TEST_F(HostileCheckpoint, NumbersThatAreNone) {
  const auto with = [&](const char* key, const Json& value) {
    return refusal_of_json([&](Json& json) { json[Json::json_pointer(key)] = value; });
  };
  EXPECT_THAT(with("/epoch", 3.5), AllOf(HasSubstr("x.pt' is damaged: "), HasSubstr("epoch is not a whole number")));
  EXPECT_THAT(with("/epoch", 1e300), HasSubstr("epoch is not a whole number"));
  EXPECT_THAT(with("/step", "5"), HasSubstr("step is not a whole number"));
  EXPECT_THAT(with("/all_steps", ~0ULL), HasSubstr("all_steps is not a whole number"));
  EXPECT_THAT(with("/format_version", 1.5), HasSubstr("format_version is not a whole number"));
  EXPECT_THAT(with("/identity/threads", true), HasSubstr("threads is not a whole number"));
  EXPECT_THAT(with("/file_sizes/log.txt", -1), HasSubstr("below 0"));
  EXPECT_THAT(with("/file_sizes", Json::array({1})), HasSubstr("array"));
  EXPECT_THAT(with("/seconds", nullptr), HasSubstr("is damaged: type must be number, but is null"));
  EXPECT_THAT(with("/epoch", 1LL << 60), HasSubstr("contradicts itself"));
  EXPECT_THAT(refusal_of_json([](Json& json) { json.erase("test"); }), HasSubstr("is damaged: key 'test' not found"));
}

// One more than 32 bits count, which would be version 1.
TEST_F(HostileCheckpoint, ANewerVersionIsToldHoweverLargeItIs) {
  std::vector<ZipContent> contents = fixture_contents();
  Json json = Json::parse(content_in(contents, kJson));
  json["format_version"] = (1LL << 32) + 1;
  write_file(folder_ / "x.pt", fixture_with(kJson, json.dump()));
  try {
    read_checkpoint(folder_ / "x.pt");
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("has format version 4294967297"));
  }
}

TEST_F(HostileCheckpoint, JsonThatAsksForTooMuch) {
  EXPECT_THAT(refusal(fixture_with(kJson, std::string(17, '['))), HasSubstr("nested more than 16 deep"));
  std::string many = "[";
  for (int i = 0; i < 4'000'000; ++i) many += "[],";
  const MemoryLimit limit(std::uint64_t{256} << 20);
  EXPECT_THAT(refusal(fixture_with(kJson, many + "0]")), HasSubstr("more than 1000000 values"));
}

std::string remembered(const std::string& value, std::uint8_t number) {
  return value + "q" + static_cast<char>(number);
}
std::string again(std::uint8_t number) {
  return "h"s + static_cast<char>(number);
}

// An empty tensor: a million of them need no bytes of the file.
const std::string kNothing = tensor(storage(18), 0, tuple(integer(0)), tuple(integer(1)));

// The file contains a name once, but each tensor has a copy of it.
TEST_F(HostileCheckpoint, LongNamesThatManyDictsShare) {
  const std::string name(std::size_t{8} << 20, 'n');
  const std::string dict = remembered("}" + item(name, kNothing), 1);
  std::string all = "}" + text("state_dict") + dict + "s";
  for (int i = 0; i < 100; ++i) all += text(std::to_string(i)) + again(1) + "s";
  const MemoryLimit limit(std::uint64_t{256} << 20);
  EXPECT_THAT(refusal_of_pickle(all), HasSubstr("the names in it are too long"));
}

TEST_F(HostileCheckpoint, NamesThatOccurTwice) {
  const std::string tensors = "}" + item("a", kNothing) + item("a", kNothing);
  EXPECT_THAT(refusal_of_pickle("}" + item("state_dict", tensors)), HasSubstr("'a' occurs twice"));
  EXPECT_THAT(refusal_of_pickle("}" + item("best", "}") + item("best", "}")), HasSubstr("'best' occurs twice"));
  EXPECT_THAT(refusal_of_pickle("}" + item("best", "N")), HasSubstr("values other than dicts"));
  EXPECT_THAT(refusal_of_pickle("}K\x01}s"), HasSubstr("no name"));
}

void read_any(const std::filesystem::path& path) {
  try {
    EXPECT_GE(read_checkpoint(path).state.epoch, 1);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::usage) throw;
    throw data_error(error.what());  // for a newer version, the only usage error
  }
}

TEST(CheckpointMutations, AreReadOrRefused) {
  expect_read_or_refused({9, {fixture_bytes()}, read_any, repair_checkpoint});
}

// The contents of the archive, rebuilt with correct checksums.
TEST(CheckpointMutations, OfContentsAreReadOrRefused) {
  std::vector<ZipContent> contents = fixture_contents();
  const TemporaryFolder folder;
  expect_read_or_refused({10, {content_in(contents, kJson), content_in(contents, kPickle)}, [&](const auto& path) {
                            const std::string bytes = content_of(path);
                            const auto whole = folder / "whole.pt";
                            std::filesystem::remove(whole);
                            write_file(whole, fixture_with(bytes.starts_with('\x80') ? kPickle : kJson, bytes));
                            read_any(whole);
                          }});
}

}  // namespace
}  // namespace mnist::test
