// The drawings of `mnist infer --annotate`, their names, and the table of `--show`.
#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "infer_folder.hpp"

namespace mnist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class InferFilesTest : public InferTest {
 protected:
  // The files below `folder`, sorted.
  static std::vector<std::string> files_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder_ / folder)) {
      if (entry.is_regular_file()) names.push_back(entry.path().lexically_relative(*folder_ / folder).string());
    }
    std::ranges::sort(names);
    return names;
  }

  static void copy(std::int64_t item, const std::string& to) {
    std::filesystem::create_directories((*folder_ / to).parent_path());
    std::filesystem::copy_file(image(item), *folder_ / to);
  }
};

TEST_F(InferFilesTest, DrawingsOfTheSameImagesAreReplaced) {
  copy(1, "again/1.png");
  copy(2, "again/2.png");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(infer({"again", "--annotate", "drawn-again"}).err, "2 pictures drawn to 'drawn-again'\n");
    EXPECT_THAT(files_in("drawn-again"), ElementsAre("model_prediction_1.png", "model_prediction_2.png"));
  }
  const auto before = test::content_of(*folder_ / "drawn-again/model_prediction_1.png");
  std::filesystem::copy_file(image(3), *folder_ / "again/1.png", std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(infer({"again", "--annotate", "drawn-again"}).exit_code, 0);
  EXPECT_NE(test::content_of(*folder_ / "drawn-again/model_prediction_1.png"), before);
}

TEST_F(InferFilesTest, DrawingsOfDifferentImagesHaveDifferentNames) {
  for (const auto* name : {"same/a.png", "same/a.jpg", "same/a.jpg.png", "same/sub/a.png", "same/a.PNG"}) copy(1, name);
  EXPECT_EQ(infer({"same", "--annotate", "drawn-same"}).exit_code, 0);
  EXPECT_THAT(files_in("drawn-same"),
              ElementsAre("model_prediction_a.PNG.png", "model_prediction_a.jpg.png", "model_prediction_a.jpg.png.png",
                          "model_prediction_a.png", "sub/model_prediction_a.png"));
  copy(2, "other/a.png");
  const auto named = infer({"same/a.png", "other/a.png", "same/a.jpg", "--annotate", "drawn-named"});
  EXPECT_EQ(named.exit_code, 0) << named.err;
  EXPECT_THAT(files_in("drawn-named"),
              ElementsAre("model_prediction_a.jpg.png", "other/model_prediction_a.png", "same/model_prediction_a.png"));
  EXPECT_EQ(infer({"same/a.png", "./same/a.png", "--annotate", "drawn-twice"}).exit_code, 0);
  EXPECT_THAT(files_in("drawn-twice"), ElementsAre("model_prediction_a.png")) << "it is the same image";
}

TEST_F(InferFilesTest, DrawingsAreNotReadAndReplaceNothingThatIs) {
  copy(1, "mine/1.png");
  for (int round = 0; round < 2; ++round) {
    const auto outcome = infer({"mine", "--annotate", "mine/drawn"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(lines_of(outcome.out), ElementsAre(StartsWith("mine/1.png\t")));
  }
  EXPECT_EQ(infer({"mine/1.png", "--annotate", "mine"}).exit_code, 0);
  const auto outcome = infer({"mine", "--annotate", "mine"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err,
            "error: the drawing of 'mine/1.png' would replace the input 'mine/model_prediction_1.png'\n"
            "hint: choose another folder with --annotate\n");
}

TEST_F(InferFilesTest, ResultsSayWhereTheDrawingIs) {
  const std::vector<std::string> common{"images/03.png", "images/more/07.png", "--annotate", "drawn-told", "--format"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = common;
    all.insert(all.end(), more.begin(), more.end());
    return lines_of(infer(all).out);
  };
  const auto json = with({"json"});
  ASSERT_THAT(json, SizeIs(2));
  EXPECT_EQ(nlohmann::json::parse(json[1])["annotated"], "drawn-told/model_prediction_07.png");
  EXPECT_EQ(nlohmann::json::parse(with({"json", "--multi"})[0])["annotated"], "drawn-told/model_prediction_03.png");
  const auto csv = with({"csv"});
  ASSERT_THAT(csv, SizeIs(3));
  EXPECT_THAT(csv[0], EndsWith(",reason,annotated"));
  EXPECT_THAT(csv[1], EndsWith(",,drawn-told/model_prediction_03.png"));
  EXPECT_THAT(with({"csv", "--multi"}),
              ElementsAre(EndsWith(",reason,annotated"), EndsWith("_03.png"), EndsWith("_07.png")));
  EXPECT_FALSE(nlohmann::json::parse(infer({"images/03.png", "--format", "json"}).out).contains("annotated"));
}

// A folder has the name of the drawing.
TEST_F(InferFilesTest, ADrawingThatFailsIsToldAndTheAnswerIsGiven) {
  std::filesystem::create_directories(*folder_ / "drawn-not/model_prediction_03.png/x");
  const auto outcome = infer({"images/03.png", "--annotate", "drawn-not", "--format", "json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("drawn-not/model_prediction_03.png"));
  const auto object = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(object["prediction"], expected_[3]);
  EXPECT_TRUE(object["annotated"].is_null());
}

TEST_F(InferFilesTest, ShowCountsTheClassesAndNamesTheLeastCertain) {
  std::map<std::string, std::vector<std::int64_t>> by_class;
  for (std::int64_t item = 0; item < kItems; ++item)
    by_class[expected_[static_cast<std::size_t>(item)]].push_back(item);
  const auto outcome = infer({"images", "--show", "1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("class"));
  for (const auto& [key, items] : by_class) {
    const std::string& name = key;  // clang captures no structured binding
    const auto probability_of = [&](std::int64_t item) { return probability_[static_cast<std::size_t>(item)]; };
    double sum = 0;
    for (const auto item : items) sum += probability_of(item);
    const auto lines = lines_of(outcome.out);
    const auto row = std::ranges::find_if(lines, [&](const std::string& line) { return line.starts_with(name + " "); });
    ASSERT_NE(row, lines.end()) << name;
    EXPECT_THAT(*row, HasSubstr(fmt::format(" {} ", items.size())));
    EXPECT_NEAR(std::stod(row->substr(row->rfind(' '))), sum / static_cast<double>(items.size()), 1e-4);
    const auto least = *std::ranges::min_element(items, {}, probability_of);
    EXPECT_THAT(outcome.out, HasSubstr(fmt::format("\n{}{}:\n  {:.4f}  {}\n", name,
                                                   items.size() > 1 ? ", the least certain" : "", probability_of(least),
                                                   image(least).lexically_relative(folder_->path()).string())));
  }
  for (const auto& line : lines_of(outcome.out)) EXPECT_LE(line.size(), 80U) << line;
}

TEST_F(InferFilesTest, ShowCountsWhatHasNoAnswer) {
  write_png(*folder_ / "nothing.png", torch::full({120, 90, 1}, 240, torch::kUInt8));
  const auto outcome = infer({"images/03.png", "nothing.png", "--show", "2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(::testing::ContainsRegex("\nnone +1 +-\n"),
                                 HasSubstr("\nnone:\n  nothing.png: none (no digit found)\n")));
  const auto table = infer({"images/03.png", "nothing.png", "--show", "0", "--multi"});
  EXPECT_THAT(lines_of(table.out),
              ElementsAre(HasSubstr("digits  mean probability"), StartsWith(expected_[3]), StartsWith("none")));
}

TEST_F(InferFilesTest, ShowPrintsNoTableOfNothing) {
  const auto outcome = infer({"missing/", "--show", "2"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "error: there is no folder 'missing/'\nhint: check the path and its spelling\n");
}

TEST_F(InferFilesTest, ShowGoesBesideResultsInAFile) {
  for (const auto* format : {"text", "json", "csv"}) {
    const auto outcome = infer({"images", "--show", "1", "--format", format, "--output", "all.out"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, infer({"images", "--show", "1"}).out);
    EXPECT_EQ(test::content_of(*folder_ / "all.out"), infer({"images", "--format", format}).out);
  }
  const auto refused = infer({"images", "--show", "1", "--format", "csv"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(refused.err,
            "error: --show prints a table, but --format csv uses stdout\n"
            "hint: write the results to a file: --output FILE\n");
  EXPECT_THAT(refused.out, IsEmpty());
  EXPECT_EQ(infer({"--test-item", "1", "--data-dir", "data", "--show", "1"}).exit_code, 2);
}

}  // namespace
}  // namespace mnist
