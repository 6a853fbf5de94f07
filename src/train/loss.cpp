#include "mnist/train/loss.hpp"

#include <ATen/ATen.h>

namespace mnist {

torch::Tensor training_loss(const torch::Tensor& logits, const torch::Tensor& targets, double smoothing) {
  const torch::Tensor log_probabilities = at::log_softmax(logits.to(at::kFloat), 1);
  torch::Tensor loss = at::nll_loss(log_probabilities, targets);
  if (smoothing == 0) return loss;
  return loss * (1 - smoothing) - log_probabilities.mean() * smoothing;
}

torch::Tensor weighted_loss_sum(const torch::Tensor& logits, const torch::Tensor& targets, double smoothing,
                                const torch::Tensor& weights) {
  const torch::Tensor log_probabilities = at::log_softmax(logits.to(at::kFloat), 1);
  torch::Tensor loss = at::nll_loss(log_probabilities, targets, weights, at::Reduction::Sum);
  if (smoothing == 0) return loss;
  const double even = smoothing / static_cast<double>(weights.numel());
  return loss * (1 - smoothing) - (log_probabilities * weights).sum() * even;
}

}  // namespace mnist
