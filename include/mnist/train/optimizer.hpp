// Optimizers, with PyTorch's arithmetic and defaults: the same parameters, gradients and options give torch.optim's
// numbers. The learning rate comes with every step, because it is a pure function of the epoch (`schedule.hpp`).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "mnist/device/cuda_plugin.hpp"
#include "mnist/kernels/kernels.hpp"

namespace mnist {

struct OptimizerOptions {
  std::string name = "adadelta";  // adadelta, sgd, adam
  double momentum = 0;            // sgd only
  double weight_decay = 0;        // L2 penalty, added to the gradient
  // What parameters on a CPU are updated with in one pass; nullptr: LibTorch's operators, as on other devices.
  const Kernels* kernels = usable_kernels().front();
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // Updates the parameters from their gradients; a parameter without a gradient is left alone.
  void step(double lr);

  // The same on a GPU, all parameters at once. rates: `rate_table` on that GPU, of which the clock's step counts.
  void step(const CudaPlugin& cuda, const torch::Tensor& rates, const torch::Tensor& clock);

  // What so many coming steps need to know of themselves: double [steps, kCudaRateColumns] on the CPU. Counts them as
  // done.
  torch::Tensor rate_table(const std::vector<double>& lrs);

  // Forgets the gradients; the next backward pass makes new ones.
  void zero_grad();

 protected:
  Optimizer(std::vector<torch::Tensor> parameters, const OptimizerOptions& options)
      : parameters_(std::move(parameters)), options_(options) {}

  // Before the parameters of a step.
  virtual void begin_step() {}

  // Updates parameter `index`: with LibTorch's operators, anywhere, or with kernels.
  virtual void update(std::size_t index, double lr) = 0;
  virtual void update_with(const Kernels& kernels, std::size_t index, double lr) = 0;

  // The rule for a GPU, and what it keeps for parameter `index`: undefined tensors where it keeps less.
  virtual CudaUpdate cuda_update() const = 0;
  virtual std::pair<torch::Tensor, torch::Tensor> states(std::size_t index) = 0;

  // Of the step that was begun last: by what its first and its second moment are divided. Adam's.
  virtual std::pair<double, double> corrections() const { return {1, 1}; }

  std::vector<torch::Tensor> parameters_;
  OptimizerOptions options_;
};

const std::vector<std::string>& optimizer_names();

// Shares the parameters' memory. Throws a usage `Error` for an unknown name.
// adadelta: rho 0.9, eps 1e-6 (M. Zeiler, arXiv 1212.5701). sgd: momentum without dampening or Nesterov.
// adam: betas 0.9 and 0.999, eps 1e-8 (D. Kingma, J. Ba, arXiv 1412.6980).
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<torch::Tensor> parameters);

}  // namespace mnist
