#include "mnist/train/optimizer.hpp"

#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/suggest.hpp"

namespace mnist {
namespace {

std::vector<torch::Tensor> zeros_like(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> zeros;
  zeros.reserve(tensors.size());
  for (const torch::Tensor& tensor : tensors) zeros.push_back(at::zeros_like(tensor));
  return zeros;
}

// The gradient an optimizer works with.
torch::Tensor decayed(const torch::Tensor& parameter, double weight_decay) {
  return weight_decay == 0 ? parameter.grad() : parameter.grad().add(parameter, weight_decay);
}

// Whether `Kernels` can update a parameter: floats on the CPU, the gradient's in the parameter's order (whose buffers
// have it too) and both without gaps.
bool plain(const torch::Tensor& parameter) {
  const torch::Tensor& gradient = parameter.grad();
  const auto floats = [](const torch::Tensor& tensor) { return tensor.is_cpu() && tensor.scalar_type() == at::kFloat; };
  return floats(parameter) && floats(gradient) && parameter.is_non_overlapping_and_dense() &&
         parameter.strides() == gradient.strides();
}

// Calls update(at, count, parameter, gradient) for parts of a parameter's elements, which begin at `at`, on all
// threads.
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
  Adadelta(std::vector<torch::Tensor> parameters, const OptimizerOptions& options)
      : Optimizer(std::move(parameters), options),
        square_avg_(zeros_like(parameters_)),
        acc_delta_(zeros_like(parameters_)) {}

 protected:
  void update(std::size_t index, double lr) override {
    torch::Tensor& square_avg = square_avg_[index];
    torch::Tensor& acc_delta = acc_delta_[index];
    const torch::Tensor grad = decayed(parameters_[index], options_.weight_decay);
    square_avg.mul_(kRho).addcmul_(grad, grad, 1 - kRho);
    const torch::Tensor std = square_avg.add(kEps).sqrt_();
    const torch::Tensor delta = acc_delta.add(kEps).sqrt_().div_(std).mul_(grad);
    acc_delta.mul_(kRho).addcmul_(delta, delta, 1 - kRho);
    parameters_[index].add_(delta, -lr);
  }

  void update_with(const Kernels& kernels, std::size_t index, double lr) override {
    const Kernels::AdadeltaStep step = {lr, kRho, kEps, options_.weight_decay};
    auto* const square_avg = square_avg_[index].mutable_data_ptr<float>();
    auto* const acc_delta = acc_delta_[index].mutable_data_ptr<float>();
    in_parts(parameters_[index], [&](std::int64_t at, std::size_t count, float* parameter, const float* gradient) {
      kernels.adadelta(step, count, parameter, gradient, square_avg + at, acc_delta + at);
    });
  }

  CudaUpdate cuda_update() const override {
    return {CudaUpdateRule::adadelta, options_.weight_decay, kRho, /*decay2=*/0, kEps};
  }
  std::pair<torch::Tensor, torch::Tensor> states(std::size_t index) override {
    return {square_avg_[index], acc_delta_[index]};
  }

 private:
  static constexpr double kRho = 0.9;
  static constexpr double kEps = 1e-6;

  std::vector<torch::Tensor> square_avg_;
  std::vector<torch::Tensor> acc_delta_;
};

class Sgd : public Optimizer {
 public:
  Sgd(std::vector<torch::Tensor> parameters, const OptimizerOptions& options)
      : Optimizer(std::move(parameters), options), momentum_buffer_(parameters_.size()) {}

 protected:
  void update(std::size_t index, double lr) override {
    torch::Tensor grad = decayed(parameters_[index], options_.weight_decay);
    if (options_.momentum != 0) {
      torch::Tensor& buffer = momentum_buffer_[index];
      // The first step takes the gradient whole, as torch.optim.SGD does. The buffer is in the parameter's order of
      // memory, whatever the gradient's: the next step may be the kernels'.
      buffer =
          buffer.defined() ? buffer.mul_(options_.momentum).add_(grad) : at::empty_like(parameters_[index]).copy_(grad);
      grad = buffer;
    }
    parameters_[index].add_(grad, -lr);
  }

  void update_with(const Kernels& kernels, std::size_t index, double lr) override {
    torch::Tensor& buffer = momentum_buffer_[index];
    const Kernels::SgdStep step = {lr, options_.momentum, options_.weight_decay, !buffer.defined()};
    if (options_.momentum != 0 && !buffer.defined()) buffer = at::empty_like(parameters_[index]);
    auto* const average = buffer.defined() ? buffer.mutable_data_ptr<float>() : nullptr;
    in_parts(parameters_[index], [&](std::int64_t at, std::size_t count, float* parameter, const float* gradient) {
      kernels.sgd(step, count, parameter, gradient, average == nullptr ? nullptr : average + at);
    });
  }

  CudaUpdate cuda_update() const override {
    return {CudaUpdateRule::sgd, options_.weight_decay, options_.momentum, /*decay2=*/0, /*eps=*/0};
  }
  std::pair<torch::Tensor, torch::Tensor> states(std::size_t index) override {
    torch::Tensor& buffer = momentum_buffer_[index];
    // Zero, of which any share is nothing: the first step takes the gradient whole.
    if (options_.momentum != 0 && !buffer.defined()) buffer = at::zeros_like(parameters_[index]);
    return {buffer, {}};
  }

 private:
  std::vector<torch::Tensor> momentum_buffer_;
};

class Adam : public Optimizer {
 public:
  Adam(std::vector<torch::Tensor> parameters, const OptimizerOptions& options)
      : Optimizer(std::move(parameters), options),
        exp_avg_(zeros_like(parameters_)),
        exp_avg_sq_(zeros_like(parameters_)) {}

 protected:
  void begin_step() override {
    ++steps_;
    correction1_ = 1 - std::pow(kBeta1, steps_);
    correction2_ = std::sqrt(1 - std::pow(kBeta2, steps_));
  }

  void update(std::size_t index, double lr) override {
    const torch::Tensor grad = decayed(parameters_[index], options_.weight_decay);
    exp_avg_[index].lerp_(grad, 1 - kBeta1);
    exp_avg_sq_[index].mul_(kBeta2).addcmul_(grad, grad, 1 - kBeta2);
    const torch::Tensor denominator = exp_avg_sq_[index].sqrt().div_(correction2_).add_(kEps);
    parameters_[index].addcdiv_(exp_avg_[index], denominator, -lr / correction1_);
  }

  void update_with(const Kernels& kernels, std::size_t index, double lr) override {
    const Kernels::AdamStep step = {lr / correction1_, correction2_, kBeta1, kBeta2, kEps, options_.weight_decay};
    auto* const exp_avg = exp_avg_[index].mutable_data_ptr<float>();
    auto* const exp_avg_sq = exp_avg_sq_[index].mutable_data_ptr<float>();
    in_parts(parameters_[index], [&](std::int64_t at, std::size_t count, float* parameter, const float* gradient) {
      kernels.adam(step, count, parameter, gradient, exp_avg + at, exp_avg_sq + at);
    });
  }

  CudaUpdate cuda_update() const override {
    return {CudaUpdateRule::adam, options_.weight_decay, kBeta1, kBeta2, kEps};
  }
  std::pair<torch::Tensor, torch::Tensor> states(std::size_t index) override {
    return {exp_avg_[index], exp_avg_sq_[index]};
  }
  std::pair<double, double> corrections() const override { return {correction1_, correction2_}; }

 private:
  static constexpr double kBeta1 = 0.9;
  static constexpr double kBeta2 = 0.999;
  static constexpr double kEps = 1e-8;

  std::int64_t steps_ = 0;
  double correction1_ = 0;
  double correction2_ = 0;
  std::vector<torch::Tensor> exp_avg_;
  std::vector<torch::Tensor> exp_avg_sq_;
};

}  // namespace

void Optimizer::step(double lr) {
  const c10::AutoGradMode no_grad(false);
  begin_step();
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    if (!parameters_[index].grad().defined()) continue;
    if (options_.kernels != nullptr && plain(parameters_[index])) {
      update_with(*options_.kernels, index, lr);
    } else {
      update(index, lr);
    }
  }
}

void Optimizer::step(const CudaPlugin& cuda, const torch::Tensor& rates, const torch::Tensor& clock) {
  const c10::AutoGradMode no_grad(false);
  std::vector<CudaUpdatePart> parts;
  std::vector<torch::Tensor> copies;  // to the end of the launch; then their memory is used again in the same queue
  const auto memory = [](const torch::Tensor& tensor) {
    return tensor.defined() ? tensor.mutable_data_ptr<float>() : nullptr;
  };
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    torch::Tensor gradient = parameters_[index].grad();
    if (!gradient.defined()) continue;
    if (gradient.strides() != parameters_[index].strides()) {
      gradient = copies.emplace_back(at::empty_like(parameters_[index]).copy_(gradient));
    }
    const auto [state1, state2] = states(index);
    parts.push_back({memory(parameters_[index]), gradient.const_data_ptr<float>(), memory(state1), memory(state2),
                     parameters_[index].numel()});
  }
  cuda.update(cuda_update(), parts, rates, clock);
}

torch::Tensor Optimizer::rate_table(const std::vector<double>& lrs) {
  torch::Tensor table = at::empty({static_cast<std::int64_t>(lrs.size()), kCudaRateColumns}, at::kDouble);
  auto* row = table.mutable_data_ptr<double>();
  for (const double lr : lrs) {
    begin_step();
    const auto [first, second] = corrections();
    *row++ = lr;
    *row++ = first;
    *row++ = second;
  }
  return table;
}

void Optimizer::zero_grad() {
  for (torch::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
}

const std::vector<std::string>& optimizer_names() {
  static const std::vector<std::string> names = {"adadelta", "sgd", "adam"};
  return names;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<torch::Tensor> parameters) {
  if (options.name == "adadelta") return std::make_unique<Adadelta>(std::move(parameters), options);
  if (options.name == "sgd") return std::make_unique<Sgd>(std::move(parameters), options);
  if (options.name == "adam") return std::make_unique<Adam>(std::move(parameters), options);
  throw usage_error(fmt::format("there is no optimizer '{}'", options.name),
                    suggestion(options.name, optimizer_names()));
}

}  // namespace mnist
