// What every network is to the rest of the program: normalised images in, one logit per class out.
//
// Parameter names are those of the Python model it replaces, so that state dicts go both ways.
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

  // The last layer. Returns logits [N, classes]: no softmax applied (where the Python model ends in log_softmax, the
  // loss applies it, which is the same number).
  virtual torch::Tensor head(const torch::Tensor& features) = 0;

  torch::Tensor forward(const torch::Tensor& inputs, const Dropout& dropout) { return head(features(inputs, dropout)); }

  // What a network may compute with on a CPU instead of LibTorch's operators, where it has a way to; nullptr:
  // LibTorch's alone. At first the best that this CPU can run.
  void use_kernels(const Kernels* kernels) { kernels_ = kernels; }

 protected:
  const Kernels* kernels() const { return kernels_; }

 private:
  const Kernels* kernels_ = usable_kernels().front();
};

// Tensors by name in the network's own order: what Python's `state_dict()` holds.
using StateDict = std::vector<std::pair<std::string, torch::Tensor>>;

// Parameters and buffers, sharing memory with the network.
StateDict state_dict(const Network& network);

// Number of elements of all parameters.
std::int64_t parameter_count(const Network& network);

// Copies `state` into the network, converting floating-point types. Throws a data `Error` that names the missing, the
// extra, the tensors of another shape and the weights that are integers, and `source` (the file); the network is
// unchanged then. A missing `num_batches_tracked` is
// not an error: files older than PyTorch 0.4.1 have none, and nothing here computes with it.
void load_state_dict(Network& network, const StateDict& state, const std::string& source);

}  // namespace mnist
