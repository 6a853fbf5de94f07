#include "mnist/train/calibration.hpp"

#include <cmath>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

namespace mnist {
namespace {

// The derivative of the sum by x = ln(1 / temperature).
double slope(const torch::Tensor& logits, const torch::Tensor& of_targets, double x) {
  const double inverse = std::exp(x);
  const torch::Tensor expected = at::softmax(logits * inverse, 1).mul(logits).sum(1);
  return inverse * expected.sub(of_targets).sum().item<double>() + x;
}

}  // namespace

double fit_temperature(const torch::Tensor& log_probabilities, const torch::Tensor& targets) {
  const c10::AutoGradMode no_grad(false);
  const torch::Tensor logits = log_probabilities.to(at::kCPU, at::kDouble);
  const torch::Tensor of_targets = logits.gather(1, targets.to(at::kCPU).unsqueeze(1)).squeeze(1);
  const double limit = std::log(20);
  double low = -limit;
  double high = limit;
  constexpr int kHalvings = 40;  // of the interval, which is then below 1e-11
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (slope(logits, of_targets, middle) > 0 ? high : low) = middle;
  }
  return std::exp(-(low + high) / 2);
}

torch::Tensor at_temperature(const torch::Tensor& log_probabilities, double temperature) {
  // In double: in single precision two classes could become equal.
  return temperature == 1 ? log_probabilities : at::log_softmax(log_probabilities.to(at::kDouble) / temperature, 1);
}

std::string temperature_text(double temperature, bool fitted_here) {
  if (temperature == 1) return "no temperature fitted";
  return fmt::format("temperature {:.3f}{}", temperature,
                     fitted_here ? ", fitted on these images: the error of others is larger" : "");
}

}  // namespace mnist
