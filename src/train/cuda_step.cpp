#include "cuda_step.hpp"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "mnist/core/text.hpp"

namespace mnist {
namespace {

// So many steps are computed before one is recorded: LibTorch's libraries choose their algorithms and get their memory
// in the first ones, which a recording forbids.
constexpr std::int64_t kStepsBeforeRecording = 3;

}  // namespace

CudaStep::CudaStep(Network& network, Batches& train_set, const TrainingOptions& options)
    : TrainingStep(network, options),
      network_(network),
      train_set_(train_set),
      options_(options),
      cuda_(*options.compute.cuda),
      clock_(at::zeros({2}, at::TensorOptions(options.compute.device).dtype(at::kLong))),
      record_(options.cuda_graphs) {}

void CudaStep::start(const EpochPlan& plan, std::int64_t first) {
  const auto steps = static_cast<std::int64_t>(plan.rates.size());
  if (!losses_.defined()) {
    losses_ = at::zeros({steps}, options_.compute.device);
    correct_ = at::zeros({steps}, options_.compute.device);
  }
  assign(rates_, optimizer_->rate_table(plan.rates, plan.before), options_.compute.device);
  clock_.copy_(at::tensor({plan.epoch, first}, at::kLong));
  train_set_.start(plan.order, plan.epoch);
}

void CudaStep::run(const StepRows& rows) {
  const bool is_whole = rows.batch == options_.batch_size;
  Batch& batch = is_whole ? whole_ : rest_;
  gathers_ = rows.own.count() > 0 && train_set_.prepare(rows.own.count(), batch);
  if (!gathers_ && rows.own.count() > 0) {
    const Batch next = train_set_.get(rows.begin, rows.end());
    assign(batch.inputs, next.inputs, options_.compute.device);
    assign(batch.targets, next.targets, options_.compute.device);
  }
  if (is_whole && graph_ == nullptr && record_ && steps_ >= kStepsBeforeRecording) {
    try {
      graph_ = cuda_.record([&] { compute(batch, rows); });
    } catch (const c10::Error& error) {
      record_ = false;
      options_.note(
          fmt::format("a training step could not be recorded as a CUDA graph and is launched kernel by kernel: {}",
                      first_line(error.what_without_backtrace())));
    }
  }
  if (is_whole && graph_ != nullptr) {
    graph_->replay();
  } else {
    compute(batch, rows);
  }
  ++steps_;
}

// What stands in `rows` is the same for all whole batches, so that a recorded step is right for each of them.
void CudaStep::compute(Batch& batch, const StepRows& rows) {
  optimizer_->zero_grad();
  gradients_.begin();
  if (rows.own.count() > 0) {
    // Its batches are rows of the order that follow each other in the steps: `own_rows` lays them out so.
    if (gathers_) train_set_.gather(cuda_, clock_, rows_of(*ranks_, options_.batch_size).count(), batch);
    torch::Tensor logits;
    {
      const PrecisionScope scope(options_.compute.precision, options_.compute.device);
      logits = options_.inputs == Inputs::features
                   ? network_.head(batch.inputs)
                   : network_.forward(batch.inputs, Dropout(options_.seed, cuda_, clock_, rows.own.begin));
    }
    torch::Tensor gradient = cuda_.loss(logits.detach().contiguous(), batch.targets, clock_, losses_, correct_);
    if (rows.own.count() != rows.batch) gradient = gradient * rows.share();
    logits.backward(gradient);
  }
  gradients_.finish();
  if (ranks_->size() > 1) share_figures(rows.share());
  optimizer_->step(cuda_, rates_, clock_);
  cuda_.advance(clock_);
}

// This step's loss and right answers become the whole batch's.
void CudaStep::share_figures(double share) {
  const torch::Tensor step = clock_.slice(0, 1, 2);
  const torch::Tensor figures = at::cat({losses_.index_select(0, step) * share, correct_.index_select(0, step)});
  ranks_->sum(figures);
  losses_.index_copy_(0, step, figures.slice(0, 0, 1));
  correct_.index_copy_(0, step, figures.slice(0, 1, 2));
}

}  // namespace mnist
