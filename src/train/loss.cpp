#include "mnist/train/loss.hpp"

#include <ATen/ATen.h>

namespace mnist {

torch::Tensor training_loss(const torch::Tensor& logits, const torch::Tensor& targets, double smoothing) {
  const torch::Tensor log_probabilities = at::log_softmax(logits.to(at::kFloat), 1);
  const torch::Tensor loss = at::nll_loss(log_probabilities, targets);
  if (smoothing == 0) return loss;
  return loss * (1 - smoothing) - log_probabilities.mean() * smoothing;
}

}  // namespace mnist
