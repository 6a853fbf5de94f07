#include "onnx_graph.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>

#include <fmt/format.h>

#include "mnist/core/text.hpp"

namespace mnist {

std::string OnnxGraph::name(const torch::jit::Value* value) {
  if (const auto known = names_.find(value); known != names_.end()) return known->second;
  const torch::jit::Node& node = *value->node();
  if (node.kind() == c10::prim::Constant && node.hasAttribute(c10::attr::value) &&
      node.kindOf(c10::attr::value) == torch::jit::AttributeKind::t) {
    const void* const memory = node.t(c10::attr::value).const_data_ptr();
    const auto own =
        std::ranges::find_if(state_, [&](const auto& named) { return named.second.const_data_ptr() == memory; });
    if (own != state_.end()) {
      used_.insert(own->first);
      return names_[value] = own->first;
    }
  }
  throw std::logic_error(
      fmt::format("the network uses a tensor of {} that is not in its state dict", node.kind().toQualString()));
}

std::string OnnxGraph::add(const std::string& type, std::vector<std::string> inputs, Attributes attributes) {
  std::string name = fmt::format("{}_{}", lower_case(type), ++count_[type]);
  nodes_.push_back({type, name, std::move(inputs), {name}, std::move(attributes)});
  return name;
}

std::vector<OnnxTensor> OnnxGraph::initializers() const {
  std::vector<OnnxTensor> tensors;
  for (const auto& [name, tensor] : state_) {
    if (used_.contains(name)) tensors.push_back(onnx_tensor(name, tensor));
  }
  return tensors;
}

OnnxTensor onnx_tensor(const std::string& name, const torch::Tensor& tensor) {
  static_assert(std::endian::native == std::endian::little);
  const torch::Tensor dense = tensor.detach().to(torch::kFloat32).contiguous();
  return {.name = name,
          .shape = dense.sizes().vec(),
          .bytes = {static_cast<const char*>(dense.const_data_ptr()), dense.nbytes()}};
}

}  // namespace mnist
