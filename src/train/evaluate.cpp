#include "mnist/train/evaluate.hpp"

#include <algorithm>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace mnist {

torch::Tensor evaluated_items(std::int64_t size, const EvaluationOptions& options) {
  std::int64_t items = size;
  if (options.limit_batches > 0) items = std::min(items, options.limit_batches * options.batch_size);
  if (!options.spread) return at::arange(items);
  return at::arange(items).mul(size).div(std::max<std::int64_t>(1, items), "floor");
}

Evaluation evaluate(Network& network, Batches& batches, const EvaluationOptions& options) {
  const c10::AutoGradMode no_grad(false);
  const bool was_training = network.is_training();
  network.eval();
  Communicator& ranks = *options.ranks;
  Evaluation result;
  const torch::Tensor order = evaluated_items(batches.size(), options);
  const std::int64_t items = order.size(0);
  constexpr std::int64_t kNoEpoch = 0;  // no random augmentation here
  batches.start(own_rows(ranks, order, options.batch_size), kNoEpoch);
  // By batch, kept on the device to avoid a device sync per batch.
  std::vector<torch::Tensor> losses;
  std::vector<torch::Tensor> correct;
  std::int64_t own = 0;  // items evaluated on this rank
  for (std::int64_t begin = 0; begin < items; begin += options.batch_size) {
    if (options.progress) options.progress(begin, items);
    if (ranks.any(options.stop_requested())) {
      result.stopped = true;
      break;
    }
    const std::int64_t count = std::min(options.batch_size, items - begin);
    result.total += count;
    const std::int64_t rows = rows_of(ranks, count).count();
    if (rows == 0) continue;
    const Batch batch = batches.get(own, own + rows);
    own += rows;
    torch::Tensor logits;
    {
      const PrecisionScope scope(options.compute.precision, options.compute.device);
      logits = options.inputs == Inputs::features ? network.head(batch.inputs)
                                                  : network.forward(batch.inputs, Dropout::off());
    }
    const torch::Tensor log_probabilities = at::log_softmax(logits.to(at::kFloat), 1);
    losses.push_back(at::nll_loss(log_probabilities, batch.targets, {}, at::Reduction::Sum));
    correct.push_back(log_probabilities.argmax(1).eq(batch.targets).sum());
    if (options.each_batch) options.each_batch(log_probabilities, batch.targets);
  }
  torch::Tensor sums = at::zeros({2}, at::kDouble);  // of losses, of correct predictions
  if (own > 0) {
    sums.select(0, 0).copy_(at::stack(losses).cpu().to(at::kDouble).sum());
    sums.select(0, 1).copy_(at::stack(correct).sum());
  }
  if (options.progress && !result.stopped) options.progress(items, items);
  ranks.sum(sums);
  if (result.total > 0) {
    result.loss = sums.const_data_ptr<double>()[0] / static_cast<double>(result.total);
    result.correct = static_cast<std::int64_t>(sums.const_data_ptr<double>()[1]);
  }
  network.train(was_training);
  return result;
}

}  // namespace mnist
