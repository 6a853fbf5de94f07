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

// Calls update(begin, count) for parts of a parameter's elements, on all threads.
template <class Update>
void in_parts(const torch::Tensor& parameter, const Update& update) {
  constexpr std::int64_t kWorthAThread = 16'384;
  at::parallel_for(0, parameter.numel(), kWorthAThread,
                   [&](std::int64_t begin, std::int64_t end) { update(begin, static_cast<std::size_t>(end - begin)); });
}

class Adadelta : public Optimizer {
 public:
  Adadelta(std::vector<torch::Tensor> parameters, const OptimizerOptions& options)
      : Optimizer(std::move(parameters)),
        weight_decay_(options.weight_decay),
        kernels_(options.kernels),
        square_avg_(zeros_like(parameters_)),
        acc_delta_(zeros_like(parameters_)) {}

  void step(double lr) override {
    constexpr double kRho = 0.9;
    constexpr double kEps = 1e-6;
    const c10::AutoGradMode no_grad(false);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (!parameters_[i].grad().defined()) continue;
      if (kernels_ != nullptr && plain(parameters_[i])) {
        const Kernels::AdadeltaStep step = {lr, kRho, kEps, weight_decay_};
        auto* const parameter = parameters_[i].mutable_data_ptr<float>();
        const auto* const gradient = parameters_[i].grad().const_data_ptr<float>();
        auto* const square_avg = square_avg_[i].mutable_data_ptr<float>();
        auto* const acc_delta = acc_delta_[i].mutable_data_ptr<float>();
        in_parts(parameters_[i], [&](std::int64_t begin, std::size_t count) {
          kernels_->adadelta(step, count, parameter + begin, gradient + begin, square_avg + begin, acc_delta + begin);
        });
        continue;
      }
      const torch::Tensor grad = decayed(parameters_[i], weight_decay_);
      square_avg_[i].mul_(kRho).addcmul_(grad, grad, 1 - kRho);
      const torch::Tensor std = square_avg_[i].add(kEps).sqrt_();
      const torch::Tensor delta = acc_delta_[i].add(kEps).sqrt_().div_(std).mul_(grad);
      acc_delta_[i].mul_(kRho).addcmul_(delta, delta, 1 - kRho);
      parameters_[i].add_(delta, -lr);
    }
  }

 private:
  double weight_decay_;
  const Kernels* kernels_;
  std::vector<torch::Tensor> square_avg_;
  std::vector<torch::Tensor> acc_delta_;
};

class Sgd : public Optimizer {
 public:
  Sgd(std::vector<torch::Tensor> parameters, const OptimizerOptions& options)
      : Optimizer(std::move(parameters)),
        momentum_(options.momentum),
        weight_decay_(options.weight_decay),
        kernels_(options.kernels),
        momentum_buffer_(parameters_.size()) {}

  void step(double lr) override {
    const c10::AutoGradMode no_grad(false);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (!parameters_[i].grad().defined()) continue;
      torch::Tensor& buffer = momentum_buffer_[i];
      const bool first = !buffer.defined();
      if (kernels_ != nullptr && plain(parameters_[i])) {
        if (first && momentum_ != 0) buffer = at::empty_like(parameters_[i]);
        const Kernels::SgdStep step = {lr, momentum_, weight_decay_, first};
        auto* const parameter = parameters_[i].mutable_data_ptr<float>();
        const auto* const gradient = parameters_[i].grad().const_data_ptr<float>();
        auto* const average = buffer.defined() ? buffer.mutable_data_ptr<float>() : nullptr;
        in_parts(parameters_[i], [&](std::int64_t begin, std::size_t count) {
          kernels_->sgd(step, count, parameter + begin, gradient + begin,
                        average == nullptr ? nullptr : average + begin);
        });
        continue;
      }
      torch::Tensor grad = decayed(parameters_[i], weight_decay_);
      if (momentum_ != 0) {
        // The first step takes the gradient whole, as torch.optim.SGD does.
        buffer = first ? at::empty_like(parameters_[i]).copy_(grad) : buffer.mul_(momentum_).add_(grad);
        grad = buffer;
      }
      parameters_[i].add_(grad, -lr);
    }
  }

 private:
  double momentum_;
  double weight_decay_;
  const Kernels* kernels_;
  std::vector<torch::Tensor> momentum_buffer_;
};

class Adam : public Optimizer {
 public:
  Adam(std::vector<torch::Tensor> parameters, const OptimizerOptions& options)
      : Optimizer(std::move(parameters)),
        weight_decay_(options.weight_decay),
        kernels_(options.kernels),
        exp_avg_(zeros_like(parameters_)),
        exp_avg_sq_(zeros_like(parameters_)) {}

  void step(double lr) override {
    constexpr double kBeta1 = 0.9;
    constexpr double kBeta2 = 0.999;
    constexpr double kEps = 1e-8;
    const c10::AutoGradMode no_grad(false);
    ++steps_;
    const double correction1 = 1 - std::pow(kBeta1, steps_);
    const double correction2 = std::sqrt(1 - std::pow(kBeta2, steps_));
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (!parameters_[i].grad().defined()) continue;
      if (kernels_ != nullptr && plain(parameters_[i])) {
        const Kernels::AdamStep step = {lr / correction1, correction2, kBeta1, kBeta2, kEps, weight_decay_};
        auto* const parameter = parameters_[i].mutable_data_ptr<float>();
        const auto* const gradient = parameters_[i].grad().const_data_ptr<float>();
        auto* const exp_avg = exp_avg_[i].mutable_data_ptr<float>();
        auto* const exp_avg_sq = exp_avg_sq_[i].mutable_data_ptr<float>();
        in_parts(parameters_[i], [&](std::int64_t begin, std::size_t count) {
          kernels_->adam(step, count, parameter + begin, gradient + begin, exp_avg + begin, exp_avg_sq + begin);
        });
        continue;
      }
      const torch::Tensor grad = decayed(parameters_[i], weight_decay_);
      exp_avg_[i].lerp_(grad, 1 - kBeta1);
      exp_avg_sq_[i].mul_(kBeta2).addcmul_(grad, grad, 1 - kBeta2);
      const torch::Tensor denominator = exp_avg_sq_[i].sqrt().div_(correction2).add_(kEps);
      parameters_[i].addcdiv_(exp_avg_[i], denominator, -lr / correction1);
    }
  }

 private:
  double weight_decay_;
  const Kernels* kernels_;
  std::int64_t steps_ = 0;
  std::vector<torch::Tensor> exp_avg_;
  std::vector<torch::Tensor> exp_avg_sq_;
};

}  // namespace

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
