// One pass over memory per step, where LibTorch's operators need six or more; memory passes dominate an optimizer's
// time. Plain loops, which the compiler vectorizes.
#pragma once

#include <cstddef>

#include "mnist/kernels/kernels.hpp"

namespace {

void adadelta(const mnist::Kernels::AdadeltaStep& step, std::size_t count, float* __restrict parameter,
              const float* __restrict gradient, float* __restrict square_avg, float* __restrict acc_delta) {
  const auto lr = static_cast<float>(step.lr);
  const auto rho = static_cast<float>(step.rho);
  const auto rest = static_cast<float>(1 - step.rho);
  const auto eps = static_cast<float>(step.eps);
  const auto weight_decay = static_cast<float>(step.weight_decay);
  for (std::size_t i = 0; i < count; ++i) {
    const float g = gradient[i] + weight_decay * parameter[i];
    const float square = square_avg[i] * rho + rest * g * g;
    // One root of the quotient instead of the quotient of two roots, because roots are slow.
    const float delta = __builtin_sqrtf((acc_delta[i] + eps) / (square + eps)) * g;
    square_avg[i] = square;
    acc_delta[i] = acc_delta[i] * rho + rest * delta * delta;
    parameter[i] -= lr * delta;
  }
}

void sgd(const mnist::Kernels::SgdStep& step, std::size_t count, float* __restrict parameter,
         const float* __restrict gradient, float* __restrict buffer) {
  const auto lr = static_cast<float>(step.lr);
  const auto weight_decay = static_cast<float>(step.weight_decay);
  if (step.momentum == 0) {
    for (std::size_t i = 0; i < count; ++i) {
      parameter[i] -= lr * (gradient[i] + weight_decay * parameter[i]);
    }
    return;
  }
  // The first step sets the buffer to the gradient, like torch.optim.SGD.
  const float momentum = step.first ? 0 : static_cast<float>(step.momentum);
  for (std::size_t i = 0; i < count; ++i) {
    const float average = (step.first ? 0 : buffer[i]) * momentum + (gradient[i] + weight_decay * parameter[i]);
    buffer[i] = average;
    parameter[i] -= lr * average;
  }
}

void adam(const mnist::Kernels::AdamStep& step, std::size_t count, float* __restrict parameter,
          const float* __restrict gradient, float* __restrict exp_avg, float* __restrict exp_avg_sq) {
  const auto step_size = static_cast<float>(step.step_size);
  const auto correction2 = static_cast<float>(step.correction2);
  const auto rest1 = static_cast<float>(1 - step.beta1);
  const auto beta2 = static_cast<float>(step.beta2);
  const auto rest2 = static_cast<float>(1 - step.beta2);
  const auto eps = static_cast<float>(step.eps);
  const auto weight_decay = static_cast<float>(step.weight_decay);
  const auto keep = static_cast<float>(step.keep);
  for (std::size_t i = 0; i < count; ++i) {
    const float g = gradient[i] + weight_decay * parameter[i];
    const float average = exp_avg[i] + rest1 * (g - exp_avg[i]);
    const float square = exp_avg_sq[i] * beta2 + rest2 * g * g;
    exp_avg[i] = average;
    exp_avg_sq[i] = square;
    parameter[i] = keep * parameter[i] - step_size * average / (__builtin_sqrtf(square) / correction2 + eps);
  }
}

}  // namespace
