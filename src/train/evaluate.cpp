#include "mnist/train/evaluate.hpp"

#include <algorithm>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace mnist {

Evaluation evaluate(Network& network, Batches& batches, const EvaluationOptions& options) {
  const c10::AutoGradMode no_grad(false);
  const bool was_training = network.is_training();
  network.eval();
  Evaluation result;
  std::int64_t items = batches.size();
  if (options.limit_batches > 0) items = std::min(items, options.limit_batches * options.batch_size);
  constexpr std::int64_t kNoEpoch = 0;  // nothing is changed at random here
  batches.start(at::arange(items), kNoEpoch);
  // Of each batch, left where it was computed: a GPU asked for every one would stop as often.
  std::vector<torch::Tensor> losses;
  std::vector<torch::Tensor> correct;
  for (std::int64_t begin = 0; begin < items; begin += options.batch_size) {
    if (options.stop_requested()) {
      result.stopped = true;
      break;
    }
    const std::int64_t end = std::min(begin + options.batch_size, items);
    const Batch batch = batches.get(begin, end);
    torch::Tensor logits;
    {
      const PrecisionScope scope(options.compute.precision, options.compute.device);
      logits = options.inputs == Inputs::features ? network.head(batch.inputs)
                                                  : network.forward(batch.inputs, Dropout::off());
    }
    const torch::Tensor log_probabilities = at::log_softmax(logits.to(at::kFloat), 1);
    losses.push_back(at::nll_loss(log_probabilities, batch.targets, {}, at::Reduction::Sum));
    correct.push_back(log_probabilities.argmax(1).eq(batch.targets).sum());
    result.total += end - begin;
    if (options.each_batch) options.each_batch(log_probabilities, batch.targets);
  }
  if (result.total > 0) {
    result.loss = at::stack(losses).cpu().to(at::kDouble).sum().item<double>() / static_cast<double>(result.total);
    result.correct = at::stack(correct).sum().item<std::int64_t>();
  }
  network.train(was_training);
  return result;
}

}  // namespace mnist
