#include "mnist/core/recipe.hpp"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"

#include "support/mutation_run.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::ordered_json;

Recipe example() {
  Recipe recipe;
  recipe.arch = "cnn";
  recipe.class_names = {"zero", "one \"1\"", "zwei \xC3\xA4"};
  recipe.preprocessing.mean = {0.1307};
  recipe.preprocessing.std = {0.3081};
  recipe.training = {"mnist", 14, 1, 0, 0.0278, 9909, 10000, "mnist 0.1.0"};
  return recipe;
}

Recipe photo() {
  Recipe recipe = example();
  recipe.preprocessing = {Preprocessing::Kind::photo, 3, 224, 224, 256, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
  return recipe;
}

TEST(Recipe, ComesBackAsItWas) {
  EXPECT_EQ(recipe_from_json(to_json(example()), "test"), example());
  EXPECT_EQ(recipe_from_json(to_json(photo()), "test"), photo());
}

TEST(Recipe, TellsWhatWasKeptToValidateOn) {
  EXPECT_THAT(to_json(example()), Not(HasSubstr("val_split"))) << "the bytes of models without are as before";
  Recipe divided = example();
  divided.training.val_split = 0.2;
  EXPECT_EQ(recipe_from_json(to_json(divided), "test"), divided);
  for (const double wrong : {-0.1, 1.0}) {
    Json json = Json::parse(to_json(example()));
    json["training"]["val_split"] = wrong;
    EXPECT_THROW(recipe_from_json(json.dump(), "test"), Error);
  }
}

TEST(Recipe, TellsTheTemperature) {
  EXPECT_THAT(to_json(example()), Not(HasSubstr("temperature"))) << "the bytes of models without are as before";
  Recipe calibrated = example();
  calibrated.temperature = 1.25;
  EXPECT_EQ(recipe_from_json(to_json(calibrated), "test"), calibrated);
  for (const double wrong : {0.0, -1.0, 1000.0}) {
    Json json = Json::parse(to_json(example()));
    json["temperature"] = wrong;
    EXPECT_THROW(recipe_from_json(json.dump(), "test"), Error);
  }
}

TEST(Recipe, TellsOfEpochsThatWereCutAndOfWhatTrainingBeganFrom) {
  EXPECT_THAT(to_json(example()), Not(AnyOf(HasSubstr("limit_batches"), HasSubstr("ancestry"))));
  Recipe begun = example();
  begun.training.limit_batches = 50;
  begun.training.ancestry = {{"a.pt", std::string(64, 'a'), "mnist", 3}, {"b.pth", std::string(64, 'b'), "", 0}};
  EXPECT_EQ(recipe_from_json(to_json(begun), "test"), begun);

  begun.training.ancestry.resize(150, begun.training.ancestry.back());
  EXPECT_EQ(recipe_from_json(to_json(begun), "test").training.ancestry.size(), 100u) << "the oldest are left out";
  Json json = Json::parse(to_json(begun));
  json["training"]["ancestry"].push_back(json["training"]["ancestry"][0]);
  EXPECT_THROW(recipe_from_json(json.dump(), "test"), Error) << "more than this program writes";
  json["training"]["ancestry"] = Json::array({{{"file", "a.pt"}}});
  EXPECT_THROW(recipe_from_json(json.dump(), "test"), Error);
}

TEST(Recipe, PhotosOfAnotherSizeAreCutOutOfWhatIsASeventhLarger) {
  const Preprocessing small = resized(photo().preprocessing, 128);
  EXPECT_EQ(small.height, 128);
  EXPECT_EQ(small.width, 128);
  EXPECT_EQ(small.resize, 146);
  EXPECT_EQ(resized(small, 224), photo().preprocessing);
}

TEST(Recipe, TheSameRecipeGivesTheSameBytes) {
  EXPECT_EQ(to_json(recipe_from_json(to_json(photo()), "test")), to_json(photo()));
  EXPECT_EQ(to_json(example()).back(), '\n');
}

// Files of version 1 exist: never change this text.
TEST(Recipe, ReadsVersionOne) {
  const char* text = R"({"format_version": 1, "arch": "lenet", "class_names": ["a", "b"],
    "preprocessing": {"kind": "digit", "channels": 1, "height": 28, "width": 28, "resize": 0,
                      "mean": [0.5], "std": [0.25]},
    "training": {"dataset": "mnist", "epochs": 2, "seed": 7, "test_loss": 0.5, "correct": 90, "test_items": 100,
                 "program": "mnist 0.1.0"}})";
  const Recipe recipe = recipe_from_json(text, "test");
  EXPECT_EQ(recipe.arch, "lenet");
  EXPECT_EQ(recipe.class_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(recipe.preprocessing.mean, std::vector<double>{0.5});
  EXPECT_EQ(recipe.preprocessing.std, std::vector<double>{0.25});
  EXPECT_EQ(recipe.training.seed, 7);
  EXPECT_EQ(recipe.training.correct, 90);
}

TEST(Recipe, KeysOfLaterVersionsArePassedOver) {
  Json json = Json::parse(to_json(example()));
  json["colour"] = "blue";
  json["preprocessing"]["gamma"] = 2.2;
  EXPECT_EQ(recipe_from_json(json.dump(), "test"), example());
}

TEST(Recipe, AClassNameThatIsNoUtf8IsWrittenAllTheSame) {
  Recipe recipe = example();
  recipe.class_names = {"caf\xE9"};
  EXPECT_EQ(recipe_from_json(to_json(recipe), "test").class_names.size(), 1U);
}

struct Refusal {
  const char* name;
  std::function<void(Json&)> change;
};

std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
  return out << refusal.name;
}

class RefusedRecipe : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedRecipe, IsADataErrorThatNamesTheFile) {
  Json json = Json::parse(to_json(photo()));
  GetParam().change(json);
  try {
    recipe_from_json(json.dump(), "'some.pt'");
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_THAT(error.what(), HasSubstr("'some.pt'"));
    EXPECT_THAT(error.what(), Not(HasSubstr("\x1b")));
    EXPECT_FALSE(error.hint().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedRecipe,
    ::testing::Values(
        Refusal{"newer version", [](Json& json) { json["format_version"] = 2; }},
        Refusal{"no version", [](Json& json) { json.erase("format_version"); }},
        Refusal{"no arch", [](Json& json) { json.erase("arch"); }},
        Refusal{"arch a number", [](Json& json) { json["arch"] = 3; }},
        Refusal{"no classes", [](Json& json) { json["class_names"] = Json::array(); }},
        Refusal{"classes numbers",
                [](Json& json) {
                  json["class_names"] = {1, 2};
                }},
        Refusal{"too many classes", [](Json& json) { json["class_names"] = std::vector<std::string>(100'001, "x"); }},
        Refusal{"no preprocessing", [](Json& json) { json.erase("preprocessing"); }},
        Refusal{"unknown kind", [](Json& json) { json["preprocessing"]["kind"] = "sound"; }},
        Refusal{"two channels", [](Json& json) { json["preprocessing"]["channels"] = 2; }},
        Refusal{"no height", [](Json& json) { json["preprocessing"]["height"] = 0; }},
        Refusal{"negative width", [](Json& json) { json["preprocessing"]["width"] = -28; }},
        Refusal{"too wide", [](Json& json) { json["preprocessing"]["width"] = 4097; }},
        Refusal{"too large", [](Json& json) { json["preprocessing"]["resize"] = 1 << 30; }},
        Refusal{"resize of no crop", [](Json& json) { json["preprocessing"]["resize"] = 4 * 224 + 1; }},
        Refusal{"height with a fraction", [](Json& json) { json["preprocessing"]["height"] = 224.5; }},
        Refusal{"height of 2^64", [](Json& json) { json["preprocessing"]["height"] = 18446744073709551616.0; }},
        Refusal{"seed of more than 63 bits", [](Json& json) { json["training"]["seed"] = ~std::uint64_t{0}; }},
        Refusal{"version that would be cut to 1",
                [](Json& json) { json["format_version"] = (std::int64_t{1} << 32) + 1; }},
        Refusal{"kind that steers a terminal", [](Json& json) { json["preprocessing"]["kind"] = "\x1b[2J"; }},
        Refusal{"mean that makes pixels infinite",
                [](Json& json) {
                  json["preprocessing"]["mean"] = {0.5, 1e300, 0.5};
                }},
        Refusal{"std that makes pixels infinite",
                [](Json& json) {
                  json["preprocessing"]["std"] = {0.5, 1e-300, 0.5};
                }},
        Refusal{"one mean of three", [](Json& json) { json["preprocessing"]["mean"] = {0.5}; }},
        Refusal{"std 0", [](Json& json) { json["preprocessing"]["std"] = {0.2, 0, 0.2}; }},
        Refusal{"mean null", [](Json& json) { json["preprocessing"]["mean"] = {0.2, nullptr, 0.2}; }},
        Refusal{"no training", [](Json& json) { json.erase("training"); }}));

TEST(Recipe, TextThatIsNoJsonIsRefused) {
  const std::string deep(100'000, '[');
  for (const std::string& text : {std::string(), std::string("{"), std::string("[]"), std::string("nonsense"), deep}) {
    EXPECT_THROW(recipe_from_json(text, "test"), Error) << text.substr(0, 10);
  }
}

// Each text has the maximum size of JSON, and without limits took hundreds of megabytes or minutes.
TEST(Recipe, TextThatAsksForTooMuchIsRefused) {
  const auto repeated = [](const std::string& part, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += part;
    return text;
  };
  const auto refusal = [](const std::string& text) -> std::string {
    try {
      recipe_from_json(text, "test");
    } catch (const Error& error) {
      return error.what();
    }
    return "was accepted";
  };
  EXPECT_THAT(refusal("{\"x\": [" + repeated("[],", 1'000'000) + "0]}"), HasSubstr("more than 1000000 values"));
  EXPECT_THAT(refusal("{\"x\": [" + repeated("0,", 1'000'000) + "0]}"), HasSubstr("more than 1000000 values"));
  EXPECT_THAT(refusal(std::string().append(17'000'000, ' ')), HasSubstr("17000000 bytes, the limit is 16777216"));
  EXPECT_THAT(refusal(std::string(17, '[')), HasSubstr("nested more than 16 deep"));
  EXPECT_THAT(refusal(R"({"arch": "cnn", "arch": "lenet"})"), HasSubstr("two entries 'arch'"));
  EXPECT_THAT(refusal("{\"arch\": \"\x01\"}"), HasSubstr("not valid JSON (error at byte 11)"));
  std::string keys = "{";
  for (int i = 0; i < 100'000; ++i) keys.append(1, '"').append(std::to_string(i)).append("\":0,");
  EXPECT_THAT(refusal(keys + "\"x\":0}"), HasSubstr("'format_version' not found"));
}

TEST(RecipeMutations, AreReadOrRefused) {
  test::expect_read_or_refused({7, {to_json(photo())}, [](const std::filesystem::path& path) {
                                  recipe_from_json(test::content_of(path), "test");
                                }});
}

}  // namespace
}  // namespace mnist
