#include "mnist/train/evaluate.hpp"

#include <algorithm>

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
  for (std::int64_t begin = 0; begin < items; begin += options.batch_size) {
    if (options.stop_requested()) {
      result.stopped = true;
      break;
    }
    const std::int64_t end = std::min(begin + options.batch_size, items);
    const Batch batch = batches.get(begin, end);
    torch::Tensor logits;
    {
      const PrecisionScope scope(options.precision, options.device);
      logits = options.inputs == Inputs::features ? network.head(batch.inputs)
                                                  : network.forward(batch.inputs, Dropout::off());
    }
    const torch::Tensor log_probabilities = at::log_softmax(logits.to(at::kFloat), 1);
    result.loss += at::nll_loss(log_probabilities, batch.targets, {}, at::Reduction::Sum).item<double>();
    result.correct += log_probabilities.argmax(1).eq(batch.targets).sum().item<std::int64_t>();
    result.total += end - begin;
    if (options.each_batch) options.each_batch(log_probabilities, batch.targets);
  }
  if (result.total > 0) result.loss /= static_cast<double>(result.total);
  network.train(was_training);
  return result;
}

}  // namespace mnist
