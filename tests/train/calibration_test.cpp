// Compares the temperature with labels drawn from known probabilities, and with the minimum on a grid.
#include "mnist/train/calibration.hpp"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace mnist {
namespace {

struct Answers {
  torch::Tensor logits;   // double [N, 5]
  torch::Tensor targets;  // drawn from softmax(logits)
};

Answers honest_answers(std::int64_t count) {
  const at::Generator generator = at::detail::createCPUGenerator(7);
  const torch::Tensor logits = at::randn({count, 5}, generator, at::kDouble).mul(3);
  return {logits, at::multinomial(at::softmax(logits, 1), 1, false, generator).squeeze(1)};
}

double objective(const torch::Tensor& logits, const torch::Tensor& targets, double temperature) {
  const double prior = std::log(temperature) * std::log(temperature) / 2;
  return at::nll_loss(at::log_softmax(logits / temperature, 1), targets, {}, at::Reduction::Sum).item<double>() + prior;
}

TEST(Calibration, FindsTheFactorByWhichLogitsAreTooSure) {
  const auto [logits, targets] = honest_answers(20'000);
  for (const double factor : {0.5, 1.0, 1.5, 4.0}) {
    EXPECT_NEAR(fit_temperature(logits * factor, targets) / factor, 1, 0.03) << factor;
  }
}

TEST(Calibration, TakesTheSmallestSum) {
  const auto [logits, targets] = honest_answers(300);
  const torch::Tensor sure = logits * 2;
  const double fitted = fit_temperature(sure, targets);
  const double least = objective(sure, targets, fitted);
  for (const double factor : {0.5, 0.9, 0.999, 1.001, 1.1, 2.0}) {
    EXPECT_LT(least, objective(sure, targets, fitted * factor)) << factor;
  }
}

TEST(Calibration, LogProbabilitiesGiveWhatLogitsGive) {
  const auto [logits, targets] = honest_answers(300);
  EXPECT_NEAR(fit_temperature(at::log_softmax(logits, 1).to(at::kFloat), targets), fit_temperature(logits, targets),
              1e-5);
}

TEST(Calibration, AFewRightAnswersDoNotMakeItCertain) {
  const torch::Tensor logits = at::eye(5, at::kDouble).mul(3);
  const torch::Tensor targets = at::arange(5);
  const double temperature = fit_temperature(logits, targets);
  EXPECT_LT(temperature, 1);
  EXPECT_GT(temperature, 0.3);
}

TEST(Calibration, StaysWithinItsBoundsIfAllIsWrong) {
  const auto [logits, targets] = honest_answers(5'000);
  const double temperature = fit_temperature(logits * 100, logits.argmin(1));
  EXPECT_GT(temperature, 15);
  EXPECT_LE(temperature, 20);
}

TEST(Calibration, ATemperatureDividesTheLogits) {
  const auto [logits, targets] = honest_answers(10);
  EXPECT_TRUE(at::allclose(at_temperature(at::log_softmax(logits, 1), 2), at::log_softmax(logits / 2, 1)));
  EXPECT_TRUE(at_temperature(logits, 1).is_same(logits));
}

}  // namespace
}  // namespace mnist
