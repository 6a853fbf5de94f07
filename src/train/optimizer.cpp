#include "mnist/train/optimizer.hpp"

#include <cmath>

#include <ATen/ATen.h>
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

class Adadelta : public Optimizer {
 public:
  Adadelta(std::vector<torch::Tensor> parameters, double weight_decay)
      : Optimizer(std::move(parameters)),
        weight_decay_(weight_decay),
        square_avg_(zeros_like(parameters_)),
        acc_delta_(zeros_like(parameters_)) {}

  void step(double lr) override {
    constexpr double kRho = 0.9;
    constexpr double kEps = 1e-6;
    const c10::AutoGradMode no_grad(false);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (!parameters_[i].grad().defined()) continue;
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
  std::vector<torch::Tensor> square_avg_;
  std::vector<torch::Tensor> acc_delta_;
};

class Sgd : public Optimizer {
 public:
  Sgd(std::vector<torch::Tensor> parameters, double momentum, double weight_decay)
      : Optimizer(std::move(parameters)),
        momentum_(momentum),
        weight_decay_(weight_decay),
        momentum_buffer_(parameters_.size()) {}

  void step(double lr) override {
    const c10::AutoGradMode no_grad(false);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (!parameters_[i].grad().defined()) continue;
      torch::Tensor grad = decayed(parameters_[i], weight_decay_);
      if (momentum_ != 0) {
        torch::Tensor& buffer = momentum_buffer_[i];
        // The first step takes the gradient whole, as torch.optim.SGD does.
        buffer = buffer.defined() ? buffer.mul_(momentum_).add_(grad) : grad.clone();
        grad = buffer;
      }
      parameters_[i].add_(grad, -lr);
    }
  }

 private:
  double momentum_;
  double weight_decay_;
  std::vector<torch::Tensor> momentum_buffer_;
};

class Adam : public Optimizer {
 public:
  Adam(std::vector<torch::Tensor> parameters, double weight_decay)
      : Optimizer(std::move(parameters)),
        weight_decay_(weight_decay),
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
      const torch::Tensor grad = decayed(parameters_[i], weight_decay_);
      exp_avg_[i].lerp_(grad, 1 - kBeta1);
      exp_avg_sq_[i].mul_(kBeta2).addcmul_(grad, grad, 1 - kBeta2);
      const torch::Tensor denominator = exp_avg_sq_[i].sqrt().div_(correction2).add_(kEps);
      parameters_[i].addcdiv_(exp_avg_[i], denominator, -lr / correction1);
    }
  }

 private:
  double weight_decay_;
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
  if (options.name == "adadelta") return std::make_unique<Adadelta>(std::move(parameters), options.weight_decay);
  if (options.name == "sgd")
    return std::make_unique<Sgd>(std::move(parameters), options.momentum, options.weight_decay);
  if (options.name == "adam") return std::make_unique<Adam>(std::move(parameters), options.weight_decay);
  throw usage_error(fmt::format("there is no optimizer '{}'", options.name),
                    suggestion(options.name, optimizer_names()));
}

}  // namespace mnist
