// What a training step descends. Not for evaluation, whose loss is the plain one.
#pragma once

#include <torch/types.h>

namespace mnist {

// The mean cross entropy of logits [N, classes], computed in float, and targets int64 [N], as
// torch.nn.CrossEntropyLoss(label_smoothing=smoothing) gives it: the target is 1 - smoothing of the true class, and
// smoothing / classes of every class (C. Szegedy et al., arXiv 1512.00567).
torch::Tensor training_loss(const torch::Tensor& logits, const torch::Tensor& targets, double smoothing);

// The sum of what the items' losses are where an item of each class counts `weights`, float [classes], as
// torch.nn.CrossEntropyLoss(weight, label_smoothing, reduction="sum") gives it. Their mean is this over the sum of the
// weights of the targets.
torch::Tensor weighted_loss_sum(const torch::Tensor& logits, const torch::Tensor& targets, double smoothing,
                                const torch::Tensor& weights);

}  // namespace mnist
