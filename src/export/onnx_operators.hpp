// The table of LibTorch's operators with their translations to ONNX. For an operator that a new network needs, add a
// row to the table in `onnx_operators.cpp`.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include "onnx_graph.hpp"

namespace mnist {

// Adds what `node`, an operator of a traced network in eval mode, is in ONNX. Constants, lists of constants and the
// transposition of a weight add nothing: the operators that use them read them. Throws `std::logic_error` that names
// the operator, if the table has no row for it or the row does not cover these arguments.
void add_operator(OnnxGraph& graph, const torch::jit::Node& node);

}  // namespace mnist
