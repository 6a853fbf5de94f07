// Figures by class, compared with manually computed numbers.
#include "mnist/train/classification_report.hpp"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace mnist {
namespace {

// Truth 0 0 1 1 2 2, predicted 0 1 1 1 0 2; class 3 never occurs.
ClassificationReport report() {
  const torch::Tensor probabilities = at::tensor({0.7, 0.1,  0.1, 0.1,   //
                                                  0.3, 0.5,  0.1, 0.1,   //
                                                  0.1, 0.6,  0.2, 0.1,   //
                                                  0.2, 0.6,  0.1, 0.1,   //
                                                  0.5, 0.25, 0.2, 0.05,  //
                                                  0.1, 0.2,  0.6, 0.1})
                                          .view({6, 4});
  ClassificationReport result(4, 2);
  const torch::Tensor targets = at::tensor({0, 0, 1, 1, 2, 2}, at::kLong);
  result.add(probabilities.slice(0, 0, 4).log().to(at::kFloat), targets.slice(0, 0, 4));
  result.add(probabilities.slice(0, 4, 6).log().to(at::kFloat), targets.slice(0, 4, 6));
  return result;
}

TEST(ClassificationReport, CountsPairs) {
  const torch::Tensor expected = at::tensor({1, 1, 0, 0, 0, 2, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}, at::kLong).view({4, 4});
  EXPECT_TRUE(at::equal(report().confusion(), expected));
  EXPECT_EQ(report().count(2, 0), 1);
  EXPECT_EQ(report().count(3, 3), 0);
}

TEST(ClassificationReport, HasPrecisionRecallAndF1) {
  const auto figures = report().by_class();
  EXPECT_DOUBLE_EQ(figures[0].precision, 0.5);
  EXPECT_DOUBLE_EQ(figures[0].recall, 0.5);
  EXPECT_DOUBLE_EQ(figures[1].precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(figures[1].recall, 1);
  EXPECT_DOUBLE_EQ(figures[1].f1, 0.8);
  EXPECT_DOUBLE_EQ(figures[2].precision, 1);
  EXPECT_DOUBLE_EQ(figures[2].recall, 0.5);
  EXPECT_EQ(figures[2].support, 2);
  EXPECT_EQ(figures[3].support, 0);
  EXPECT_DOUBLE_EQ(figures[3].f1, 0);
  EXPECT_DOUBLE_EQ(report().macro_average().recall, 2.0 / 3) << "without the class that does not occur";
  EXPECT_EQ(report().macro_average().support, 6);
}

TEST(ClassificationReport, CountsTheLikeliest) {
  EXPECT_DOUBLE_EQ(report().top_k_accuracy(), 5.0 / 6);
}

TEST(ClassificationReport, TellsHowFarProbabilitiesAreFromTheShareOfRightAnswers) {
  // 0.7 right; 0.6 three times, all right; 0.5 twice, both wrong.
  EXPECT_NEAR(report().expected_calibration_error(), (0.3 + 3 * 0.4 + 2 * 0.5) / 6, 1e-7);
  const ClassificationReport result = report();  // outlives its bins
  std::int64_t items = 0;
  for (const CalibrationBin& bin : result.calibration()) items += bin.items;
  EXPECT_EQ(items, 6);
}

TEST(ClassificationReport, CertaintyIsInTheLastBin) {
  ClassificationReport result(2, 1);
  result.add(at::tensor({1.0, 0.0, 0.0, 1.0}).view({2, 2}).log(), at::tensor({0, 0}, at::kLong));
  EXPECT_EQ(result.calibration().back().items, 2);
  EXPECT_DOUBLE_EQ(result.expected_calibration_error(), 0.5);
}

TEST(ClassificationReport, ListsMistakesWithTheirProbabilities) {
  const auto result = report();
  ASSERT_EQ(result.mistakes().size(), 2u);
  const Answer second = result.mistakes()[1];
  EXPECT_EQ(second.item, 4);
  EXPECT_EQ(second.truth, 2);
  EXPECT_EQ(second.predicted, 0);
  EXPECT_NEAR(second.probability, 0.5, 1e-6);
  EXPECT_NEAR(second.probability_of_truth, 0.2, 1e-6);
}

}  // namespace
}  // namespace mnist
