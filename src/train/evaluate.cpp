#include "mnist/train/evaluate.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "mnist/data/batch.hpp"

namespace mnist {

Evaluation evaluate(Network& network, const Dataset& dataset, const Preprocessing& preprocessing,
                    const EvaluationOptions& options) {
  const c10::AutoGradMode no_grad(false);
  const bool was_training = network.is_training();
  network.eval();
  Evaluation result;
  std::int64_t batches = 0;
  for (std::int64_t begin = 0; begin < dataset.size(); begin += options.batch_size) {
    if (options.limit_batches > 0 && batches++ == options.limit_batches) break;
    if (options.stop_requested()) {
      result.stopped = true;
      break;
    }
    const std::int64_t end = std::min(begin + options.batch_size, dataset.size());
    const Batch batch = slice_batch(dataset, begin, end, preprocessing);
    torch::Tensor logits;
    {
      const PrecisionScope scope(options.precision, options.device);
      logits = network.forward(batch.inputs, Dropout::off()).to(at::kFloat);
    }
    const torch::Tensor log_probabilities = at::log_softmax(logits, 1);
    result.loss += at::nll_loss(log_probabilities, batch.targets, {}, at::Reduction::Sum).item<double>();
    result.correct += logits.argmax(1).eq(batch.targets).sum().item<std::int64_t>();
    result.total += end - begin;
  }
  if (result.total > 0) result.loss /= static_cast<double>(result.total);
  network.train(was_training);
  return result;
}

}  // namespace mnist
