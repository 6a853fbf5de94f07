#include "cuda_step.hpp"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "mnist/core/text.hpp"

namespace mnist {
namespace {

// Number of steps before the recording: in the first steps, LibTorch's libraries select algorithms and allocate memory,
// which is not allowed during a recording.
constexpr std::int64_t kStepsBeforeRecording = 3;

}  // namespace

CudaStep::CudaStep(Network& network, Batches& train_set, const TrainingOptions& options)
    : TrainingStep(network, options),
      network_(network),
      train_set_(train_set),
      options_(options),
      cuda_(*options.compute.cuda),
      clock_(at::zeros({2}, at::TensorOptions(options.compute.device).dtype(at::kLong))),
      record_(options.cuda_graphs) {
  TORCH_INTERNAL_ASSERT(ranks_->size() == 1, "several processes on GPUs");
  TORCH_INTERNAL_ASSERT(options.class_weights.empty(), "class weights with the plug-in");
  TORCH_INTERNAL_ASSERT(options.label_smoothing == 0, "label smoothing with the plug-in");
  TORCH_INTERNAL_ASSERT(options.clip_grad_norm == 0, "clipping of gradients with the plug-in");
}

void CudaStep::start(const EpochPlan& plan, std::int64_t first) {
  const auto steps = static_cast<std::int64_t>(plan.rates.size());
  if (!losses_.defined()) {
    losses_ = at::zeros({steps}, options_.compute.device);
    correct_ = at::zeros({steps}, options_.compute.device);
  }
  copy_into_buffer(rates_, optimizer_->rate_table(plan.rates, plan.before), options_.compute.device);
  clock_.copy_(at::tensor({plan.epoch, first}, at::kLong));
  train_set_.start(plan.order, plan.epoch);
}

void CudaStep::run(const StepRows& rows) {
  const bool is_whole = rows.batch == options_.batch_size;
  Batch& batch = is_whole ? whole_ : rest_;
  gathers_ = train_set_.prepare(rows.batch, batch);
  if (!gathers_) {
    const Batch next = train_set_.get(rows.begin, rows.end());
    copy_into_buffer(batch.inputs, next.inputs, options_.compute.device);
    copy_into_buffer(batch.targets, next.targets, options_.compute.device);
  }
  if (is_whole && graph_ == nullptr && record_ && steps_ >= kStepsBeforeRecording) {
    try {
      graph_ = cuda_.record([&] { compute(batch); });
    } catch (const c10::Error& error) {
      record_ = false;
      options_.note(
          fmt::format("a training step cannot be recorded as a CUDA graph, so its kernels are launched one by one: {}",
                      first_line(error.what_without_backtrace())));
    }
  }
  if (is_whole && graph_ != nullptr) {
    graph_->replay();
  } else {
    compute(batch);
  }
  ++steps_;
}

void CudaStep::compute(Batch& batch) {
  if (gathers_) train_set_.gather(cuda_, clock_, options_.batch_size, batch);
  torch::Tensor logits;
  {
    const PrecisionScope scope(options_.compute.precision, options_.compute.device);
    logits = options_.inputs == Inputs::features
                 ? network_.head(batch.inputs)
                 : network_.forward(batch.inputs, Dropout(options_.seed, cuda_, clock_));
  }
  const torch::Tensor gradient = cuda_.loss(logits.detach().contiguous(), batch.targets, clock_, losses_, correct_);
  optimizer_->zero_grad();
  logits.backward(gradient);
  optimizer_->step(cuda_, rates_, clock_);
  cuda_.advance(clock_);
}

}  // namespace mnist
