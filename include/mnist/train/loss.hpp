// The loss functions of training. Evaluation uses the plain negative log-likelihood.
#pragma once

#include <torch/types.h>

namespace mnist {

// The mean cross entropy of logits [N, classes] and targets int64 [N], like
// torch.nn.CrossEntropyLoss(label_smoothing=smoothing): the target distribution has 1 - smoothing for the true class,
// plus smoothing / classes for every class (C. Szegedy et al., arXiv 1512.00567). Computed in float.
torch::Tensor training_loss(const torch::Tensor& logits, const torch::Tensor& targets, double smoothing);

// The sum of the items' losses with class weights, float [classes], like torch.nn.CrossEntropyLoss(weight,
// label_smoothing, reduction="sum"). To get the mean, divide it by the sum of the weights of the targets.
torch::Tensor weighted_loss_sum(const torch::Tensor& logits, const torch::Tensor& targets, double smoothing,
                                const torch::Tensor& weights);

}  // namespace mnist
