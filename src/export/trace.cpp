#include "trace.hpp"

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/jit/frontend/tracer.h>

namespace mnist {

std::shared_ptr<torch::jit::Graph> trace(Network& network, at::IntArrayRef shape) {
  // LibTorch's tracer makes copies of tensors that require gradients, whose memory is not that of the network.
  for (torch::Tensor& parameter : network.parameters()) parameter.requires_grad_(false);
  network.use_kernels(nullptr);
  const c10::AutoGradMode no_grad(false);
  const auto run = [&](const torch::jit::Stack& inputs) -> torch::jit::Stack {
    return {network.forward(inputs.front().toTensor(), Dropout::off())};
  };
  const auto no_name = [](const torch::Tensor& /*tensor*/) { return std::string(); };
  const auto [state, outputs] = torch::jit::tracer::trace({at::zeros(shape)}, run, no_name);
  return state->graph;
}

}  // namespace mnist
