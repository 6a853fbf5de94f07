#include "onnx_operators.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <torch/csrc/jit/ir/constants.h>

namespace mnist {
namespace {

using torch::jit::Node;
using torch::jit::Value;
using Integers = std::vector<std::int64_t>;

std::string_view operator_name(const Node& node) {
  return node.kind().toQualString();
}

std::logic_error not_translated(const Node& node, std::string_view why) {
  return std::logic_error(fmt::format("the operator {} has no translation to ONNX{}", operator_name(node), why));
}

void demand(bool holds, const Node& node, std::string_view what) {
  if (!holds) throw not_translated(node, fmt::format(" unless {}", what));
}

// The argument `index`, which the network computes from constants only.
c10::IValue constant(const Node& node, std::size_t index) {
  std::optional<c10::IValue> value = torch::jit::toIValue(node.input(index));
  demand(value.has_value(), node, fmt::format("argument {} is a constant", index));
  return *std::move(value);
}

std::int64_t integer(const Node& node, std::size_t index) {
  return constant(node, index).toInt();
}

bool is_none(const Node& node, std::size_t index) {
  return node.input(index)->mustBeNone();
}

Integers integers(const Node& node, std::size_t index) {
  const Node& list = *node.input(index)->node();
  if (list.kind() != c10::prim::ListConstruct) return constant(node, index).toIntVector();
  Integers values;
  for (std::size_t i = 0; i < list.inputs().size(); ++i) values.push_back(integer(list, i));
  return values;
}

// A size of two dimensions: LibTorch also takes one number for both.
Integers pair(const Node& node, std::size_t index) {
  Integers values = integers(node, index);
  if (values.size() == 1) values.push_back(values.front());
  return values;
}

// ONNX has the padding at the beginnings of all dimensions, then that at their ends.
Integers both_sides(Integers padding) {
  const std::size_t count = padding.size();
  padding.resize(2 * count);
  std::copy_n(padding.begin(), count, padding.begin() + static_cast<std::ptrdiff_t>(count));
  return padding;
}

Integers shape_of(const Value* value) {
  const auto tensor = value->type()->expect<c10::TensorType>();
  return tensor->sizes().concrete_sizes().value_or(Integers());
}

struct Geometry {
  Integers kernel, stride, padding, dilation;
};

OnnxGraph::Attributes attributes_of(const Geometry& g) {
  return {
      {"dilations", g.dilation}, {"kernel_shape", g.kernel}, {"pads", both_sides(g.padding)}, {"strides", g.stride}};
}

std::vector<std::string> names(OnnxGraph& graph, const Node& node, std::initializer_list<std::size_t> indices) {
  std::vector<std::string> found;
  for (const std::size_t index : indices) found.push_back(graph.name(node.input(index)));
  return found;
}

std::string convolution(OnnxGraph& graph, const Node& node, std::size_t groups) {
  Integers kernel = shape_of(node.input(1));
  demand(kernel.size() == 4, node, "its weight has four dimensions");
  kernel.erase(kernel.begin(), kernel.begin() + 2);
  std::vector<std::string> inputs = names(graph, node, {0, 1});
  if (!is_none(node, 2)) inputs.push_back(graph.name(node.input(2)));
  OnnxGraph::Attributes attributes = attributes_of({kernel, pair(node, 3), pair(node, 4), pair(node, 5)});
  attributes.insert(attributes.begin() + 1, {"group", integer(node, groups)});
  return graph.add("Conv", inputs, attributes);
}

// conv2d(input, weight, bias, stride, padding, dilation, groups)
std::string conv2d(OnnxGraph& graph, const Node& node) {
  return convolution(graph, node, 6);
}

// _convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups, ...)
std::string any_convolution(OnnxGraph& graph, const Node& node) {
  demand(!constant(node, 6).toBool(), node, "it is not transposed");
  return convolution(graph, node, 8);
}

// batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled)
std::string batch_norm(OnnxGraph& graph, const Node& node) {
  demand(!constant(node, 5).toBool(), node, "it is in eval mode");
  return graph.add("BatchNormalization", names(graph, node, {0, 1, 2, 3, 4}),
                   {{"epsilon", static_cast<float>(constant(node, 7).toDouble())}});
}

// max_pool2d(self, kernel_size, stride, padding, dilation, ceil_mode)
std::string max_pool2d(OnnxGraph& graph, const Node& node) {
  demand(!constant(node, 5).toBool(), node, "ceil_mode is off");
  const Integers kernel = pair(node, 1);
  const Integers stride = pair(node, 2);
  return graph.add("MaxPool", names(graph, node, {0}),
                   attributes_of({kernel, stride.empty() ? kernel : stride, pair(node, 3), pair(node, 4)}));
}

// adaptive_avg_pool2d(self, output_size)
std::string adaptive_avg_pool2d(OnnxGraph& graph, const Node& node) {
  demand(integers(node, 1) == Integers{1, 1}, node, "its output is 1 x 1");
  return graph.add("GlobalAveragePool", names(graph, node, {0}));
}

// flatten(self, start_dim, end_dim)
std::string flatten(OnnxGraph& graph, const Node& node) {
  demand(integer(node, 1) == 1 && integer(node, 2) == -1, node, "it keeps the first dimension only");
  return graph.add("Flatten", names(graph, node, {0}), {{"axis", std::int64_t{1}}});
}

std::string affine(OnnxGraph& graph, const Value* inputs, const Value* weight, const Value* bias) {
  return graph.add("Gemm", {graph.name(inputs), graph.name(weight), graph.name(bias)}, {{"transB", std::int64_t{1}}});
}

// linear(input, weight, bias)
std::string linear(OnnxGraph& graph, const Node& node) {
  demand(!is_none(node, 2), node, "it has a bias");
  return affine(graph, node.input(0), node.input(1), node.input(2));
}

// addmm(self, mat1, mat2, beta, alpha), where mat2 is t(weight)
std::string addmm(OnnxGraph& graph, const Node& node) {
  const Node& transposed = *node.input(2)->node();
  demand(operator_name(transposed) == "aten::t", node, "its last matrix is transposed");
  demand(constant(node, 3).toScalar().equal(1) && constant(node, 4).toScalar().equal(1), node, "its factors are 1");
  return affine(graph, node.input(1), transposed.input(0), node.input(0));
}

// add(self, other, alpha)
std::string add(OnnxGraph& graph, const Node& node) {
  demand(constant(node, 2).toScalar().equal(1), node, "its factor is 1");
  return graph.add("Add", names(graph, node, {0, 1}));
}

std::string mul(OnnxGraph& graph, const Node& node) {
  return graph.add("Mul", names(graph, node, {0, 1}));
}

std::string relu(OnnxGraph& graph, const Node& node) {
  return graph.add("Relu", names(graph, node, {0}));
}

std::string hardswish(OnnxGraph& graph, const Node& node) {
  return graph.add("HardSwish", names(graph, node, {0}));
}

// max(0, min(1, x / 6 + 1 / 2)); the factor's default in ONNX is 0.2.
std::string hardsigmoid(OnnxGraph& graph, const Node& node) {
  return graph.add("HardSigmoid", names(graph, node, {0}), {{"alpha", 1.0F / 6}, {"beta", 0.5F}});
}

// The values are the same: contiguous(self, memory_format).
std::string same(OnnxGraph& graph, const Node& node) {
  return graph.name(node.input(0));
}

struct Row {
  std::string_view name;
  std::string (*translate)(OnnxGraph& graph, const Node& node);  // returns the name of the result
};

// An operator that works in place is the same: its result has a name of its own in a traced graph.
constexpr std::array<Row, 18> kRows = {{{"aten::_convolution", any_convolution},
                                        {"aten::conv2d", conv2d},
                                        {"aten::batch_norm", batch_norm},
                                        {"aten::max_pool2d", max_pool2d},
                                        {"aten::adaptive_avg_pool2d", adaptive_avg_pool2d},
                                        {"aten::flatten", flatten},
                                        {"aten::linear", linear},
                                        {"aten::addmm", addmm},
                                        {"aten::add", add},
                                        {"aten::add_", add},
                                        {"aten::mul", mul},
                                        {"aten::mul_", mul},
                                        {"aten::relu", relu},
                                        {"aten::relu_", relu},
                                        {"aten::hardswish", hardswish},
                                        {"aten::hardswish_", hardswish},
                                        {"aten::hardsigmoid", hardsigmoid},
                                        {"aten::contiguous", same}}};

}  // namespace

void add_operator(OnnxGraph& graph, const Node& node) {
  const std::string_view name = operator_name(node);
  if (node.kind() == c10::prim::Constant || node.kind() == c10::prim::ListConstruct || name == "aten::t") return;
  const auto* const row = std::ranges::find(kRows, name, &Row::name);
  if (row == kRows.end()) throw not_translated(node, "");
  graph.set_name(node.output(), row->translate(graph, node));
}

}  // namespace mnist
