#include "mnist/train/step.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "mnist/data/batch.hpp"
#include "mnist/train/loop.hpp"
#include "mnist/train/optimizer.hpp"

#include "cuda_step.hpp"

namespace mnist {
namespace {

// With LibTorch's operators (and, on a CPU, the network's own kernels), on any device.
class PlainStep : public TrainingStep {
 public:
  PlainStep(Network& network, Batches& train_set, const TrainingOptions& options)
      : network_(network),
        train_set_(train_set),
        options_(options),
        optimizer_(make_optimizer(options.optimizer, trainable_parameters(network))) {}

  void start(std::int64_t epoch, const torch::Tensor& order, const std::vector<double>& rates) override {
    const auto steps = static_cast<std::int64_t>(rates.size());
    epoch_ = epoch;
    rates_ = rates;
    losses_ = at::zeros({steps}, options_.device);
    correct_ = at::zeros({steps}, options_.device);
    train_set_.start(order, epoch);
  }

  void run(std::int64_t step, std::int64_t begin, std::int64_t end) override {
    const Batch batch = train_set_.get(begin, end);
    torch::Tensor logits;
    {
      const PrecisionScope scope(options_.precision, options_.device);
      logits = options_.inputs == Inputs::features
                   ? network_.head(batch.inputs)
                   : network_.forward(batch.inputs, Dropout(options_.seed, epoch_, step));
    }
    const torch::Tensor loss = at::nll_loss(at::log_softmax(logits.to(at::kFloat), 1), batch.targets);
    optimizer_->zero_grad();
    loss.backward();
    optimizer_->step(rates_[static_cast<std::size_t>(step)]);

    const c10::AutoGradMode no_grad(false);
    losses_.select(0, step).copy_(loss);
    correct_.select(0, step).copy_(logits.argmax(1).eq(batch.targets).sum());
  }

 private:
  Network& network_;
  Batches& train_set_;
  const TrainingOptions& options_;
  std::unique_ptr<Optimizer> optimizer_;
  std::int64_t epoch_ = 0;
  std::vector<double> rates_;
};

}  // namespace

void TrainingStep::fill(TrainingReport& report, std::int64_t batch_size, std::int64_t items) const {
  const torch::Tensor losses = losses_.cpu();
  const torch::Tensor correct = correct_.cpu();
  for (std::int64_t step = 0; step < losses.size(0); ++step) {
    const std::int64_t count = std::min(batch_size, items - step * batch_size);
    const float loss = losses.const_data_ptr<float>()[step];
    const float right = correct.const_data_ptr<float>()[step];
    report.batch_losses.push_back(loss);
    report.batch_accuracies.push_back(right / static_cast<float>(count));
    report.loss += static_cast<double>(loss) * static_cast<double>(count);
    report.correct += static_cast<std::int64_t>(right);
    report.total += count;
  }
  report.loss /= static_cast<double>(report.total);
}

std::unique_ptr<TrainingStep> make_training_step(Network& network, Batches& train_set, const TrainingOptions& options) {
  if (options.cuda != nullptr) return std::make_unique<CudaStep>(network, train_set, options);
  return std::make_unique<PlainStep>(network, train_set, options);
}

}  // namespace mnist
