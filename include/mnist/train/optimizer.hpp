// Optimizers, with PyTorch's arithmetic and defaults: the same parameters, gradients and options give torch.optim's
// numbers. The learning rate comes with every step, because it is a pure function of the epoch (`schedule.hpp`).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "mnist/device/cuda_plugin.hpp"
#include "mnist/format/named_tensors.hpp"
#include "mnist/kernels/kernels.hpp"

namespace mnist {

enum class OptimizerKind { adadelta, sgd, adam, adamw };

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::adadelta;
  double momentum = 0;      // sgd only
  double weight_decay = 0;  // L2 penalty, added to the gradient; adamw: of the parameter itself, times the rate
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // Updates the parameters from their gradients; a parameter without a gradient is left alone.
  void step(double lr);

  // The same on a GPU, all parameters at once. rates: `rate_table` on that GPU, of which the clock's step counts.
  void step(const CudaPlugin& cuda, const torch::Tensor& rates, const torch::Tensor& clock);

  // What the steps that follow the first `before` of the run need to know of themselves, one row each: double [steps,
  // kCudaRateColumns] on the CPU. A pure function.
  torch::Tensor rate_table(const std::vector<double>& lrs, std::int64_t before) const;

  // What it keeps for its parameters, by parameter and name: "0.exp_avg" is the first one's. Shares memory. What the
  // first step makes is not there before it (sgd's momentum).
  NamedTensors state() const;

  // Continues after `steps` steps with a copy of such a state. Throws a data `Error` if the state is not one of this
  // optimizer and these parameters; nothing is changed then.
  void restore(const NamedTensors& state, std::int64_t steps);

  // Scales all gradients alike so that the 2-norm of all together is at most `largest`, as
  // torch.nn.utils.clip_grad_norm_ does. On the device, which nothing waits for.
  void clip_gradients(double largest);

  // Forgets the gradients; the next backward pass makes new ones.
  void zero_grad();

 protected:
  Optimizer(std::vector<torch::Tensor> parameters, const OptimizerOptions& options, const Kernels* kernels)
      : parameters_(std::move(parameters)), options_(options), kernels_(kernels) {}

  // Updates parameter `index`: with LibTorch's operators, anywhere, or with kernels.
  virtual void update(std::size_t index, double lr) = 0;
  virtual void update_with(const Kernels& kernels, std::size_t index, double lr) = 0;

  // The rule for a GPU, where what is not there yet is made before the first step.
  virtual CudaUpdate cuda_update() const = 0;

  // By what the first and the second moment are divided in a step, counted from 1. Adam's and AdamW's.
  virtual std::pair<double, double> corrections(std::int64_t /*step*/) const { return {1, 1}; }

  // What it keeps: a name, and a tensor for each parameter, undefined if it is not there yet.
  struct Kept {
    std::string name;
    std::vector<torch::Tensor> tensors;
  };
  Kept zeros(const std::string& name) const;
  Kept none_yet(const std::string& name) const { return {name, std::vector<torch::Tensor>(parameters_.size())}; }

  std::vector<torch::Tensor> parameters_;
  OptimizerOptions options_;
  const Kernels* kernels_;
  std::vector<Kept> kept_;  // two at most
  std::int64_t steps_ = 0;  // that were begun; on a GPU the clock counts them
};

const std::vector<std::string>& optimizer_names();

// Throws a usage `Error` for an unknown name.
OptimizerKind optimizer_kind(const std::string& name);

const std::string& optimizer_name(OptimizerKind kind);

// With what an optimizer is tried first: PyTorch's defaults, and a momentum for sgd.
struct OptimizerDefaults {
  double lr;
  double momentum;
  double weight_decay;
};
const OptimizerDefaults& optimizer_defaults(OptimizerKind kind);

// Shares the parameters' memory. `kernels`: what those on a CPU are updated with, in one pass; nullptr: LibTorch's
// operators, as on other devices.
// adadelta: rho 0.9, eps 1e-6 (M. Zeiler, arXiv 1212.5701). sgd: momentum without dampening or Nesterov.
// adam: betas 0.9 and 0.999, eps 1e-8 (D. Kingma, J. Ba, arXiv 1412.6980). adamw: adam with a decay of its own (I.
// Loshchilov, F. Hutter, arXiv 1711.05101).
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<torch::Tensor> parameters,
                                          const Kernels* kernels = usable_kernels().front());

}  // namespace mnist
