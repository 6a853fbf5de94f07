// Optimizers with PyTorch's arithmetic and defaults: the same parameters, gradients and options give the numbers of
// torch.optim. The learning rate is an argument of every step, because it is a pure function (`schedule.hpp`).
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
  double weight_decay = 0;  // L2 penalty in the gradient; adamw: decoupled, lr * weight_decay * parameter
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // Updates the parameters from their gradients. Skips parameters without gradient.
  void step(double lr);

  // The same on a GPU, all parameters in one call. rates: `rate_table` on that GPU; the clock's step selects the row.
  void step(const CudaPlugin& cuda, const torch::Tensor& rates, const torch::Tensor& clock);

  // The rates and bias corrections of the steps after the first `before` steps of the run, one row per step: double
  // [steps, kCudaRateColumns] on the CPU. A pure function.
  torch::Tensor rate_table(const std::vector<double>& lrs, std::int64_t before) const;

  // The state tensors by parameter index and name, for example "0.exp_avg". Shares memory. A tensor that the first step
  // creates (momentum of sgd) is missing before it.
  NamedTensors state() const;

  // Continues from a copy of such a state, after `steps` steps. Throws a data `Error` if the state does not belong to
  // this optimizer and these parameters; nothing changes then.
  void restore(const NamedTensors& state, std::int64_t steps);

  // Scales all gradients by one factor so that their total 2-norm is at most `largest`, like
  // torch.nn.utils.clip_grad_norm_. Runs on the device without device sync.
  void clip_gradients(double largest);

  // Removes the gradients; the next backward pass creates new ones.
  void zero_grad();

 protected:
  Optimizer(std::vector<torch::Tensor> parameters, const OptimizerOptions& options, const Kernels* kernels)
      : parameters_(std::move(parameters)), options_(options), kernels_(kernels) {}

  // Updates parameter `index`: `update` with LibTorch's operators on any device, `update_with` with kernels.
  virtual void update(std::size_t index, double lr) = 0;
  virtual void update_with(const Kernels& kernels, std::size_t index, double lr) = 0;

  // The rule for the CUDA plug-in.
  virtual CudaUpdate cuda_update() const = 0;

  // The bias corrections (divisors) of the first and the second moment in a step, counted from 1; 1 except for Adam and
  // AdamW.
  virtual std::pair<double, double> corrections(std::int64_t /*step*/) const { return {1, 1}; }

  // State: a name and one tensor per parameter, which is undefined if it does not exist yet.
  struct StateTensors {
    std::string name;
    std::vector<torch::Tensor> tensors;
  };
  StateTensors zero_state(const std::string& name) const;
  StateTensors empty_state(const std::string& name) const {
    return {name, std::vector<torch::Tensor>(parameters_.size())};
  }

  std::vector<torch::Tensor> parameters_;
  OptimizerOptions options_;
  const Kernels* kernels_;
  std::vector<StateTensors> state_;  // at most two
  std::int64_t steps_ = 0;           // started steps; with CUDA graphs the clock counts them
};

const std::vector<std::string>& optimizer_names();

// Throws a usage `Error` for an unknown name.
OptimizerKind optimizer_kind(const std::string& name);

const std::string& optimizer_name(OptimizerKind kind);

// Default options of an optimizer: PyTorch's, except that sgd has a momentum.
struct OptimizerDefaults {
  double lr;
  double momentum;
  double weight_decay;
};
const OptimizerDefaults& optimizer_defaults(OptimizerKind kind);

// Creates an optimizer that shares the parameters' memory. `kernels`: fused kernels for parameters on a CPU; nullptr:
// LibTorch's operators, as on other devices. adadelta: rho 0.9, eps 1e-6 (M. Zeiler, arXiv 1212.5701). sgd: momentum
// without dampening or Nesterov. adam: betas 0.9 and 0.999, eps 1e-8 (D. Kingma, J. Ba, arXiv 1412.6980). adamw: adam
// with decoupled weight decay (I. Loshchilov, F. Hutter, arXiv 1711.05101).
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<torch::Tensor> parameters,
                                          const Kernels* kernels = best_kernels());

}  // namespace mnist
