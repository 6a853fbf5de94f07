// The operators that a network runs, recorded by LibTorch's tracer.
#pragma once

#include <memory>

#include <torch/csrc/jit/ir/ir.h>
#include <torch/types.h>

#include "mnist/model/network.hpp"

namespace mnist {

// Runs `network` on zeros of `shape`, [N, C, H, W], and returns the operators. The graph has one input and one output;
// a parameter or buffer is a constant with the same memory as the network's own. Requirements and effects on the
// network: as of `onnx_model`.
std::shared_ptr<torch::jit::Graph> trace(Network& network, at::IntArrayRef shape);

}  // namespace mnist
