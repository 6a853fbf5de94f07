// The fast way to read pixels says of every text what the general parser says.
#include "byte_list.hpp"

#include <optional>
#include <random>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/core/json.hpp"

#include "tensor_protocol.hpp"

namespace mnist {
namespace {

using nlohmann::json;
using testing::ElementsAre;

std::string without(const std::string& text, const ByteList& list) {
  return text.substr(0, list.begin) + "[]" + text.substr(list.end);
}

// As the server parses it, which refuses two members of a name.
std::optional<json> parsed(const std::string& text) {
  try {
    return parse_bounded_json(text);
  } catch (const std::invalid_argument&) {
    return std::nullopt;
  }
}

TEST(ByteList, IsFoundAmongOtherMembers) {
  const std::string text =
      R"( {"id" : "a\"{[", "outputs":[{"data":[1]}], "inputs" : [ {"shape":[1,2], "p":{"data":[3]}, )"
      R"("data" : [ 0, 7 ,255 ], "name":"pixels"}, {"data":[9]}]})";
  const auto list = find_byte_list(text);
  ASSERT_TRUE(list);
  EXPECT_THAT(list->bytes, ElementsAre(0, 7, 255));
  EXPECT_EQ(json::parse(without(text, *list)).at("inputs").at(0).at("data"), json::array());
}

TEST(ByteList, IsLeftToTheGeneralParserIfItIsAnythingElse) {
  for (const char* list : {"[]", "[256]", "[1000]", "[-1]", "[1.0]", "[1e1]", "[07]", "[00]", "[1,]", "[,1]", "[1 2]",
                           "[[1]]", "[null]", "[\"1\"]", "[1", "1", "{\"data\":[1]}", "null"}) {
    EXPECT_FALSE(find_byte_list(R"({"inputs":[{"data":)" + std::string(list) + "}]}")) << list;
  }
  for (const char* text : {"", "{", "[]", R"({"inputs":{"data":[1]}})", R"({"data":[1]})", R"([{"data":[1]}])",
                           R"({"inputs":[{},{"data":[1]}]})", R"({"inputs":[[{"data":[1]}]]})",
                           R"({"inputs":[{"d\u0061ta":[1]}]})", R"({"inputs":[{"name":"data":[1]}]})", "{\"inputs"}) {
    EXPECT_FALSE(find_byte_list(text)) << text;
  }
}

// Texts that differ from a valid one in a few places.
TEST(ByteList, AgreesWithTheGeneralParserOnMutatedTexts) {
  const std::string valid =
      R"({"id":"x","inputs":[{"name":"pixels","shape":[1,1,2,2],"data":[0, 10,255,3]}],"outputs":[{"name":"data"}]})";
  const std::string letters = R"({}[]:,"\ 0129-.edatinpus)";
  std::mt19937 random(1);
  const auto below = [&](std::size_t end) { return random() % end; };
  int found = 0;
  int valid_ones = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text = valid;
    for (std::size_t change = below(4) + 1; change > 0; --change) {
      const std::size_t at = below(text.size());
      switch (below(4)) {
        case 0:
          text[at] = letters[below(letters.size())];
          break;
        case 1:
          text.erase(at, below(3) + 1);
          break;
        case 2:
          text.insert(at, 1, letters[below(letters.size())]);
          break;
        default:
          text.insert(at, text.substr(below(text.size()), below(30)));
          break;
      }
      if (text.empty()) text = valid;
    }
    const auto list = find_byte_list(text);
    if (!list) continue;
    ++found;
    const std::optional<json> whole = parsed(text);
    const std::optional<json> rest = parsed(without(text, *list));
    ASSERT_EQ(whole.has_value(), rest.has_value()) << text;
    if (!whole) continue;
    ++valid_ones;
    ASSERT_EQ(rest->at("inputs").at(0).at("data"), json::array()) << text;
    ASSERT_EQ(whole->at("inputs").at(0).at("data"), json(list->bytes)) << text;
  }
  EXPECT_GT(found, 2'500);
  EXPECT_GT(valid_ones, 1'250);
}

// Other calls are read on another thread, because a general parser would hold the server's loop.
TEST(QuickCall, IsAPlainListOrBytesWithLittleJson) {
  const auto is_quick_call = [](const std::string& text, const std::string& bytes = "") {
    HttpRequest request;
    request.body = text + bytes;
    if (!bytes.empty()) request.headers["inference-header-content-length"] = std::to_string(text.size());
    const auto parsed = parse_quick_infer(request, Preprocessing());
    EXPECT_TRUE(!parsed || parsed->pixels.numel() == 784);
    return parsed.has_value();
  };
  const auto call = [](const std::string& data, const std::string& more = "") {
    return R"({"inputs":[{"name":"pixels","datatype":"UINT8","shape":[1,1,28,28],"data":[)" + data + "]}]" + more + "}";
  };
  const auto binary = [](const std::string& more = "") {
    return R"({"inputs":[{"name":"pixels","datatype":"UINT8","shape":[1,1,28,28],)"
           R"("parameters":{"binary_data_size":784}}])" +
           more + "}";
  };
  std::string pixels = "0";
  for (int i = 1; i < 784; ++i) pixels += ", 255";
  const std::string long_id = ",\"id\":\"" + std::string(2000, 'x') + "\"";
  EXPECT_TRUE(is_quick_call(call(pixels)));
  EXPECT_FALSE(is_quick_call(call("[" + pixels + "]"))) << "nested";
  EXPECT_FALSE(is_quick_call(call(pixels + ", 0.5")));
  EXPECT_FALSE(is_quick_call(call(pixels, long_id)));
  EXPECT_FALSE(is_quick_call(call(pixels + std::string(20'000, ' '))));
  EXPECT_TRUE(is_quick_call(binary(), std::string(784, '\0')));
  EXPECT_FALSE(is_quick_call(binary(long_id), std::string(784, '\0')));
}

}  // namespace
}  // namespace mnist
