// The ONNX graph of a network while it is built from a traced one.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <torch/csrc/jit/ir/ir.h>
#include <torch/types.h>

#include "mnist/format/onnx_file.hpp"
#include "mnist/model/network.hpp"

namespace mnist {

class OnnxGraph {
 public:
  using Attributes = std::vector<std::pair<std::string, OnnxAttribute>>;

  // `state`: the tensors that the graph may use as constants.
  explicit OnnxGraph(StateDict state) : state_(std::move(state)) {}

  // Gives a value of the traced graph the name of one of this graph.
  void set_name(const torch::jit::Value* value, std::string name) { names_[value] = std::move(name); }

  // The name of a tensor: an input, a result of an earlier node, or a tensor of the state dict, which becomes an
  // initializer. Throws `std::logic_error` for any other.
  std::string name(const torch::jit::Value* value);

  // Adds a node with one output and returns the name of it, which is also the name of the node: "relu_2" for the second
  // Relu.
  std::string add(const std::string& type, std::vector<std::string> inputs, Attributes attributes = {});

  // The nodes in their order, and the tensors of the state dict that they use, in the order of that.
  std::vector<OnnxNode> take_nodes() { return std::move(nodes_); }
  std::vector<OnnxTensor> initializers() const;

 private:
  StateDict state_;
  std::map<const torch::jit::Value*, std::string> names_;
  std::set<std::string> used_;
  std::map<std::string, int> count_;  // nodes by type
  std::vector<OnnxNode> nodes_;
};

// The bytes of a tensor on the CPU, in row-major order, little-endian; `name` in the model.
OnnxTensor onnx_tensor(const std::string& name, const torch::Tensor& tensor);

}  // namespace mnist
