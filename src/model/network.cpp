#include "mnist/model/network.hpp"

#include <map>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"

namespace mnist {
namespace {

// "a, b, c and 7 more"
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + std::min(kShown, names.size()), ", "));
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

std::string shape_of(const torch::Tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.sizes(), ", "));
}

// A module's own parameters, then its own buffers, then its children's: Python's order.
void collect(const torch::nn::Module& module, const std::string& prefix, StateDict& state) {
  for (const auto& parameter : module.named_parameters(/*recurse=*/false)) {
    state.emplace_back(prefix + parameter.key(), parameter.value());
  }
  for (const auto& buffer : module.named_buffers(/*recurse=*/false)) {
    state.emplace_back(prefix + buffer.key(), buffer.value());
  }
  for (const auto& child : module.named_children()) collect(*child.value(), prefix + child.key() + ".", state);
}

}  // namespace

StateDict state_dict(const Network& network) {
  StateDict state;
  collect(network, "", state);
  return state;
}

std::int64_t parameter_count(const Network& network) {
  std::int64_t count = 0;
  for (const torch::Tensor& parameter : network.parameters()) count += parameter.numel();
  return count;
}

void load_state_dict(Network& network, const StateDict& state, const std::string& source) {
  std::map<std::string, torch::Tensor> given(state.begin(), state.end());
  const StateDict needed = state_dict(network);
  std::vector<std::string> missing;
  std::vector<std::string> misshapen;
  std::vector<std::string> mistyped;
  for (const auto& [name, own] : needed) {
    const auto found = given.find(name);
    if (found == given.end()) {
      if (!name.ends_with("num_batches_tracked")) missing.push_back(name);
    } else if (own.is_floating_point() && !found->second.is_floating_point()) {
      mistyped.push_back(fmt::format("{} is {}", name, c10::toString(found->second.scalar_type())));
    } else if (found->second.sizes() != own.sizes()) {
      misshapen.push_back(fmt::format("{} is {}, not {}", name, shape_of(found->second), shape_of(own)));
    }
  }
  std::map<std::string, torch::Tensor> known(needed.begin(), needed.end());
  std::vector<std::string> extra;
  for (const auto& [name, tensor] : state) {
    if (!known.contains(name)) extra.push_back(name);
  }

  std::vector<std::string> faults;
  if (!missing.empty()) faults.push_back("missing " + some_of(missing));
  if (!extra.empty()) faults.push_back("unknown " + some_of(extra));
  if (!mistyped.empty()) faults.push_back("without floating-point values: " + some_of(mistyped));
  if (!misshapen.empty()) faults.push_back("with another shape: " + some_of(misshapen));
  if (!faults.empty()) {
    throw data_error(fmt::format("the weights in {} do not fit the network: {}", source, fmt::join(faults, "; ")),
                     "to see which network the file contains, run: mnist info FILE");
  }
  const c10::AutoGradMode no_grad(false);
  for (const auto& [name, own] : needed) {
    const auto found = given.find(name);
    if (found != given.end()) torch::Tensor(own).copy_(found->second);
  }
}

}  // namespace mnist
