// The interface of all networks: normalised images in, one logit per class out.
//
// Parameters have the names of the corresponding Python model, so that state dicts can be exchanged with Python.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <torch/nn/module.h>
#include <torch/types.h>

#include "mnist/kernels/kernels.hpp"
#include "mnist/model/dropout.hpp"

namespace mnist {

class Network : public torch::nn::Module {
 public:
  using torch::nn::Module::Module;

  // All but the last layer. `inputs`: float [N, C, H, W]. Returns [N, features].
  virtual torch::Tensor features(const torch::Tensor& inputs, const Dropout& dropout) = 0;

  // The last layer. Returns logits [N, classes], without softmax. If the Python model ends in log_softmax, the loss
  // function applies it here, with the same result.
  virtual torch::Tensor head(const torch::Tensor& features) = 0;

  torch::Tensor forward(const torch::Tensor& inputs, const Dropout& dropout) { return head(features(inputs, dropout)); }

  // Sets the kernels that a network may use on a CPU instead of LibTorch's operators; nullptr: only LibTorch's
  // operators. Default: the best kernels for this CPU.
  void use_kernels(const Kernels* kernels) { kernels_ = kernels; }

 protected:
  const Kernels* kernels() const { return kernels_; }

 private:
  const Kernels* kernels_ = best_kernels();
};

// Tensors by name in the network's order, as in Python's `state_dict()`.
using StateDict = std::vector<std::pair<std::string, torch::Tensor>>;

// Parameters and buffers, sharing memory with the network.
StateDict state_dict(const Network& network);

// Number of elements of all parameters.
std::int64_t parameter_count(const Network& network);

// Copies `state` to the network and converts floating-point types. Throws a data `Error` that names `source` (the
// file), missing and unexpected tensors, tensors of another shape, and integer weights; the network is unchanged then.
// A missing `num_batches_tracked` is not an error: PyTorch before 0.4.1 does not write it, and it is not used here.
void load_state_dict(Network& network, const StateDict& state, const std::string& source);

}  // namespace mnist
