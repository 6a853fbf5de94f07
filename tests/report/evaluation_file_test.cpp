#include "mnist/report/evaluation_file.hpp"

#include <cmath>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using testing::ElementsAre;

StoredEvaluation example() {
  StoredEvaluation stored{"abc",
                          "def",
                          {4, 7, 9},
                          {"a/1.png", "b/\"2\".png", "b/ü.png"},
                          {.data = "test images of mnist",
                           .evaluation = {.loss = 0.1, .correct = 2, .total = 3},
                           .report = ClassificationReport(2, 1),
                           .class_names = {"a", "b, \"c\""},
                           .mistakes = {},
                           .temperature = 1.2,
                           .fitted_here = true}};
  stored.page.report.add_answer({0, 0, 0, 1.0 / 3, 1.0 / 3});
  stored.page.report.add_answer({1, 1, 0, 0.9, 0.1});
  stored.page.report.add_answer({2, 1, 1, std::nextafter(1.0, 0.0), std::nextafter(1.0, 0.0)});
  return stored;
}

TEST(EvaluationFile, GivesBackWhatWasWritten) {
  const test::TemporaryFolder folder;
  const StoredEvaluation written = example();
  write_evaluation(folder / "e.json", written);
  const auto read = read_evaluation(folder / "e.json");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->model_sha256, "abc");
  EXPECT_EQ(read->data_sha256, "def");
  EXPECT_EQ(read->items, written.items);
  EXPECT_EQ(read->page.data, written.page.data);
  EXPECT_EQ(read->page.evaluation.loss, 0.1);
  EXPECT_EQ(read->page.evaluation.correct, 2);
  EXPECT_EQ(read->page.evaluation.total, 3);
  EXPECT_EQ(read->page.class_names, written.page.class_names);
  EXPECT_EQ(read->page.temperature, 1.2);
  EXPECT_TRUE(read->page.fitted_here);
  const auto& answers = read->page.report.answers();
  ASSERT_EQ(answers.size(), 3u);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answer& before = written.page.report.answers()[i];
    EXPECT_EQ(answers[i].item, before.item);
    EXPECT_EQ(answers[i].truth, before.truth);
    EXPECT_EQ(answers[i].predicted, before.predicted);
    EXPECT_EQ(answers[i].probability, before.probability) << "every bit";
    EXPECT_EQ(answers[i].probability_of_truth, before.probability_of_truth);
  }
  EXPECT_EQ(read->page.report.expected_calibration_error(), written.page.report.expected_calibration_error());
  EXPECT_EQ(read->page.report.mistakes().size(), 1u);
}

TEST(EvaluationFile, HasAColumnForEachFigure) {
  const test::TemporaryFolder folder;
  StoredEvaluation stored = example();
  stored.files.clear();
  write_evaluation(folder / "e.json", stored);
  std::ifstream in(folder / "e.json");
  const auto json = nlohmann::json::parse(in);
  EXPECT_FALSE(json["predictions"].contains("file"));
  EXPECT_THAT(json["predictions"]["item"], ElementsAre(4, 7, 9));
  EXPECT_THAT(json["predictions"]["predicted"], ElementsAre(0, 0, 1));
  EXPECT_THAT(json["predictions"]["probability"][1], 0.9);
}

// Nothing that such a file may contain is taken for an evaluation, or ends the program.
TEST(EvaluationFile, IsNotReadIfItIsDamaged) {
  const test::TemporaryFolder folder;
  const auto path = folder / "e.json";
  EXPECT_FALSE(read_evaluation(path)) << "missing";
  write_evaluation(path, example());
  std::ifstream in(path);
  const auto whole = nlohmann::json::parse(in);
  const auto reads = [&](const nlohmann::json& json) {
    std::ofstream(path) << json;
    return read_evaluation(path).has_value();
  };
  EXPECT_TRUE(reads(whole));
  for (const auto& [key, value] : whole.items()) {
    auto less = whole;
    less.erase(key);
    EXPECT_FALSE(reads(less)) << key;
    less[key] = nullptr;  // what a loss that is not finite becomes
    EXPECT_FALSE(reads(less)) << key;
  }
  for (const char* column : {"truth", "predicted", "probability", "probability_of_truth", "item"}) {
    auto shorter = whole;
    shorter["predictions"][column].erase(0);
    EXPECT_FALSE(reads(shorter)) << column;
  }
  for (const int no_class : {-1, 2}) {
    auto wrong = whole;
    wrong["predictions"]["truth"][0] = no_class;
    EXPECT_FALSE(reads(wrong)) << no_class;
  }
  for (const char* column : {"truth", "predicted", "probability"}) {
    for (const char* number : {"1e300", "0.5", "-1", "2.0", "true", "\"1\""}) {
      if (column == std::string("probability") && number == std::string("0.5")) continue;
      auto wrong = whole;
      wrong["predictions"][column][0] = nlohmann::json::parse(number);
      EXPECT_FALSE(reads(wrong)) << column << " " << number;
    }
  }
  for (const char* total : {"correct", "total"}) {
    auto wrong = whole;
    wrong[total] = 1;
    EXPECT_FALSE(reads(wrong)) << total;
  }
  std::ofstream(path) << "{";
  EXPECT_FALSE(read_evaluation(path));
}

TEST(EvaluationFile, TakesNamesThatAreNotUtf8) {
  const test::TemporaryFolder folder;
  StoredEvaluation stored = example();
  stored.files[0] = "\xff.png";
  write_evaluation(folder / "e.json", stored);
  EXPECT_TRUE(read_evaluation(folder / "e.json"));
}

}  // namespace
}  // namespace mnist
