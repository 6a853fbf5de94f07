#include "mnist/train/optimizer.hpp"

#include <array>
#include <cmath>
#include <map>
#include <stdexcept>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/suggest.hpp"

namespace mnist {
namespace {

// The gradient with the L2 penalty.
torch::Tensor decayed(const torch::Tensor& parameter, double weight_decay) {
  return weight_decay == 0 ? parameter.grad() : parameter.grad().add(parameter, weight_decay);
}

// Whether `Kernels` can update a parameter: floats on the CPU, parameter and gradient dense and with the same strides
// (state tensors always have the parameter's strides).
bool is_kernel_layout(const torch::Tensor& parameter) {
  const torch::Tensor& gradient = parameter.grad();
  const auto floats = [](const torch::Tensor& tensor) { return tensor.is_cpu() && tensor.scalar_type() == at::kFloat; };
  return floats(parameter) && floats(gradient) && parameter.is_non_overlapping_and_dense() &&
         parameter.strides() == gradient.strides();
}

// Calls update(at, count, parameter, gradient) on all threads for parts of a parameter's elements that start at `at`.
template <class Update>
void in_parts(torch::Tensor& tensor, const Update& update) {
  constexpr std::int64_t kWorthAThread = 16'384;
  auto* const parameter = tensor.mutable_data_ptr<float>();
  const auto* const gradient = tensor.grad().const_data_ptr<float>();
  at::parallel_for(0, tensor.numel(), kWorthAThread, [&](std::int64_t begin, std::int64_t end) {
    update(begin, static_cast<std::size_t>(end - begin), parameter + begin, gradient + begin);
  });
}

class Adadelta : public Optimizer {
 public:
  Adadelta(std::vector<torch::Tensor> parameters, const OptimizerOptions& options, const Kernels* kernels)
      : Optimizer(std::move(parameters), options, kernels) {
    state_ = {zero_state("square_avg"), zero_state("acc_delta")};
  }

 protected:
  void update(std::size_t index, double lr) override {
    torch::Tensor& square_avg = state_[0].tensors[index];
    torch::Tensor& acc_delta = state_[1].tensors[index];
    const torch::Tensor grad = decayed(parameters_[index], options_.weight_decay);
    square_avg.mul_(kRho).addcmul_(grad, grad, 1 - kRho);
    const torch::Tensor std = square_avg.add(kEps).sqrt_();
    const torch::Tensor delta = acc_delta.add(kEps).sqrt_().div_(std).mul_(grad);
    acc_delta.mul_(kRho).addcmul_(delta, delta, 1 - kRho);
    parameters_[index].add_(delta, -lr);
  }

  void update_with(const Kernels& kernels, std::size_t index, double lr) override {
    const Kernels::AdadeltaStep step = {lr, kRho, kEps, options_.weight_decay};
    auto* const square_avg = state_[0].tensors[index].mutable_data_ptr<float>();
    auto* const acc_delta = state_[1].tensors[index].mutable_data_ptr<float>();
    in_parts(parameters_[index], [&](std::int64_t at, std::size_t count, float* parameter, const float* gradient) {
      kernels.adadelta(step, count, parameter, gradient, square_avg + at, acc_delta + at);
    });
  }

  CudaUpdate cuda_update() const override {
    return {CudaUpdateRule::adadelta, options_.weight_decay, kRho, /*decay2=*/0, kEps};
  }

 private:
  static constexpr double kRho = 0.9;
  static constexpr double kEps = 1e-6;
};

class Sgd : public Optimizer {
 public:
  Sgd(std::vector<torch::Tensor> parameters, const OptimizerOptions& options, const Kernels* kernels)
      : Optimizer(std::move(parameters), options, kernels) {
    if (options_.momentum != 0) state_ = {empty_state("momentum_buffer")};
  }

 protected:
  void update(std::size_t index, double lr) override {
    torch::Tensor grad = decayed(parameters_[index], options_.weight_decay);
    if (options_.momentum != 0) {
      torch::Tensor& buffer = state_[0].tensors[index];
      // The first step sets the buffer to the gradient, like torch.optim.SGD. The buffer has the parameter's strides,
      // not the gradient's, because the next step may use the kernels.
      buffer =
          buffer.defined() ? buffer.mul_(options_.momentum).add_(grad) : at::empty_like(parameters_[index]).copy_(grad);
      grad = buffer;
    }
    parameters_[index].add_(grad, -lr);
  }

  void update_with(const Kernels& kernels, std::size_t index, double lr) override {
    Kernels::SgdStep step = {lr, options_.momentum, options_.weight_decay, /*first=*/false};
    float* average = nullptr;
    if (options_.momentum != 0) {
      torch::Tensor& buffer = state_[0].tensors[index];
      step.first = !buffer.defined();
      if (step.first) buffer = at::empty_like(parameters_[index]);
      average = buffer.mutable_data_ptr<float>();
    }
    in_parts(parameters_[index], [&](std::int64_t at, std::size_t count, float* parameter, const float* gradient) {
      kernels.sgd(step, count, parameter, gradient, average == nullptr ? nullptr : average + at);
    });
  }

  CudaUpdate cuda_update() const override {
    return {CudaUpdateRule::sgd, options_.weight_decay, options_.momentum, /*decay2=*/0, /*eps=*/0};
  }
};

// Also AdamW, which decays the parameters directly and not through the gradient.
class Adam : public Optimizer {
 public:
  Adam(std::vector<torch::Tensor> parameters, const OptimizerOptions& options, const Kernels* kernels)
      : Optimizer(std::move(parameters), options, kernels) {
    state_ = {zero_state("exp_avg"), zero_state("exp_avg_sq")};
  }

 protected:
  void update(std::size_t index, double lr) override {
    const torch::Tensor grad = decayed(parameters_[index], penalty());
    torch::Tensor& exp_avg = state_[0].tensors[index];
    torch::Tensor& exp_avg_sq = state_[1].tensors[index];
    exp_avg.lerp_(grad, 1 - kBeta1);
    exp_avg_sq.mul_(kBeta2).addcmul_(grad, grad, 1 - kBeta2);
    const auto [first, second] = corrections(steps_);
    const torch::Tensor denominator = exp_avg_sq.sqrt().div_(second).add_(kEps);
    if (decoupled()) parameters_[index].mul_(keep(lr));
    parameters_[index].addcdiv_(exp_avg, denominator, -lr / first);
  }

  void update_with(const Kernels& kernels, std::size_t index, double lr) override {
    const auto [first, second] = corrections(steps_);
    const Kernels::AdamStep step = {lr / first, second, kBeta1, kBeta2, kEps, penalty(), keep(lr)};
    auto* const exp_avg = state_[0].tensors[index].mutable_data_ptr<float>();
    auto* const exp_avg_sq = state_[1].tensors[index].mutable_data_ptr<float>();
    in_parts(parameters_[index], [&](std::int64_t at, std::size_t count, float* parameter, const float* gradient) {
      kernels.adam(step, count, parameter, gradient, exp_avg + at, exp_avg_sq + at);
    });
  }

  CudaUpdate cuda_update() const override {
    return {decoupled() ? CudaUpdateRule::adamw : CudaUpdateRule::adam, options_.weight_decay, kBeta1, kBeta2, kEps};
  }
  std::pair<double, double> corrections(std::int64_t step) const override {
    const auto count = static_cast<double>(step);
    return {1 - std::pow(kBeta1, count), std::sqrt(1 - std::pow(kBeta2, count))};
  }

 private:
  bool decoupled() const { return options_.kind == OptimizerKind::adamw; }
  double penalty() const { return decoupled() ? 0 : options_.weight_decay; }
  double keep(double lr) const { return decoupled() ? 1 - lr * options_.weight_decay : 1; }

  static constexpr double kBeta1 = 0.9;
  static constexpr double kBeta2 = 0.999;
  static constexpr double kEps = 1e-8;
};

}  // namespace

void Optimizer::step(double lr) {
  const c10::AutoGradMode no_grad(false);
  ++steps_;
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    if (!parameters_[index].grad().defined()) continue;
    if (kernels_ != nullptr && is_kernel_layout(parameters_[index])) {
      update_with(*kernels_, index, lr);
    } else {
      update(index, lr);
    }
  }
}

void Optimizer::step(const CudaPlugin& cuda, const torch::Tensor& rates, const torch::Tensor& clock) {
  const c10::AutoGradMode no_grad(false);
  std::vector<CudaUpdatePart> parts;
  std::vector<torch::Tensor> copies;  // kept until the launch; later use of their memory is on the same stream
  const auto memory = [](const torch::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); };
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    torch::Tensor gradient = parameters_[index].grad();
    if (!gradient.defined()) continue;
    if (gradient.strides() != parameters_[index].strides()) {
      gradient = copies.emplace_back(at::empty_like(parameters_[index]).copy_(gradient));
    }
    std::array<float*, 2> kept{};
    for (std::size_t i = 0; i < state_.size(); ++i) {
      torch::Tensor& tensor = state_[i].tensors[index];
      // Zero: so the first step sets the momentum to the gradient.
      if (!tensor.defined()) tensor = at::zeros_like(parameters_[index]);
      kept[i] = memory(tensor);
    }
    parts.push_back(
        {memory(parameters_[index]), gradient.const_data_ptr<float>(), kept[0], kept[1], parameters_[index].numel()});
  }
  cuda.update(cuda_update(), parts, rates, clock);
}

torch::Tensor Optimizer::rate_table(const std::vector<double>& lrs, std::int64_t before) const {
  torch::Tensor table = at::empty({static_cast<std::int64_t>(lrs.size()), kCudaRateColumns}, at::kDouble);
  auto* row = table.mutable_data_ptr<double>();
  for (const double lr : lrs) {
    const auto [first, second] = corrections(++before);
    *row++ = lr;
    *row++ = first;
    *row++ = second;
  }
  return table;
}

Optimizer::StateTensors Optimizer::zero_state(const std::string& name) const {
  StateTensors kept = empty_state(name);
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    kept.tensors[index] = at::zeros_like(parameters_[index]);
  }
  return kept;
}

NamedTensors Optimizer::state() const {
  NamedTensors state;
  for (const auto& [name, tensors] : state_) {
    for (std::size_t index = 0; index < tensors.size(); ++index) {
      if (tensors[index].defined()) state.emplace_back(fmt::format("{}.{}", index, name), tensors[index]);
    }
  }
  return state;
}

void Optimizer::restore(const NamedTensors& state, std::int64_t steps) {
  const c10::AutoGradMode no_grad(false);
  std::map<std::string, torch::Tensor> given(state.begin(), state.end());
  std::vector<StateTensors> restored;
  const auto check = [&](bool fits, const std::string& name) {
    if (fits) return;
    throw data_error(
        fmt::format("the state of the optimizer {} does not fit the network: {}", optimizer_name(options_.kind), name),
        "resume a checkpoint of a run with the same optimizer and network");
  };
  for (const auto& [name, tensors] : state_) {
    StateTensors& kept = restored.emplace_back(empty_state(name));
    for (std::size_t index = 0; index < parameters_.size(); ++index) {
      const std::string key = fmt::format("{}.{}", index, name);
      const auto found = given.find(key);
      check(found != given.end() || !tensors[index].defined(), key);
      if (found == given.end()) continue;
      check(found->second.sizes() == parameters_[index].sizes(), key);
      // With the parameter's strides, not the file's.
      kept.tensors[index] = at::empty_like(parameters_[index]).copy_(found->second);
      given.erase(found);
    }
  }
  if (!given.empty()) check(false, given.begin()->first);
  state_ = std::move(restored);
  steps_ = steps;
}

void Optimizer::clip_gradients(double largest) {
  const c10::AutoGradMode no_grad(false);
  std::vector<torch::Tensor> gradients;
  std::vector<torch::Tensor> norms;
  for (const torch::Tensor& parameter : parameters_) {
    if (!parameter.grad().defined()) continue;
    gradients.push_back(parameter.grad());
    norms.push_back(at::linalg_vector_norm(parameter.grad()));
  }
  if (gradients.empty()) return;
  const torch::Tensor norm = at::linalg_vector_norm(at::stack(norms));
  const torch::Tensor factor = at::clamp_max(largest / (norm + 1e-6), 1);
  for (torch::Tensor& gradient : gradients) gradient.mul_(factor);
}

void Optimizer::zero_grad() {
  for (torch::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
}

// By `OptimizerKind`.
const std::vector<std::string>& optimizer_names() {
  static const std::vector<std::string> names = {"adadelta", "sgd", "adam", "adamw"};
  return names;
}

OptimizerKind optimizer_kind(const std::string& name) {
  return static_cast<OptimizerKind>(index_of(name, optimizer_names(), "optimizer"));
}

const std::string& optimizer_name(OptimizerKind kind) {
  return optimizer_names()[static_cast<std::size_t>(kind)];
}

// By `OptimizerKind`.
const OptimizerDefaults& optimizer_defaults(OptimizerKind kind) {
  static const std::vector<OptimizerDefaults> defaults = {{1, 0, 0}, {0.01, 0.9, 0}, {0.001, 0, 0}, {0.001, 0, 0.01}};
  return defaults[static_cast<std::size_t>(kind)];
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<torch::Tensor> parameters,
                                          const Kernels* kernels) {
  switch (options.kind) {
    case OptimizerKind::adadelta:
      return std::make_unique<Adadelta>(std::move(parameters), options, kernels);
    case OptimizerKind::sgd:
      return std::make_unique<Sgd>(std::move(parameters), options, kernels);
    case OptimizerKind::adam:
    case OptimizerKind::adamw:
      return std::make_unique<Adam>(std::move(parameters), options, kernels);
  }
  throw std::logic_error("an optimizer without a class");
}

}  // namespace mnist
