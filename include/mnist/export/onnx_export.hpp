// Makes an ONNX model of a network and its recipe.
//
// The graph is not written down for each network: the network's own `forward` runs once with LibTorch's tracer, and
// `src/export/onnx_operators.cpp` translates each of LibTorch's operators. The batch size is free ("N"); the size of
// the images is that of the recipe.
//
//   without preprocessing   image   float32 [N, C, H, W], normalised        -> logits         float32 [N, classes]
//   with preprocessing      pixels  uint8   [N, C, H, W], values 0 .. 255   -> probabilities  float32 [N, classes]
//
// With preprocessing, the graph computes (pixels / 255 - mean) / std before the network, and softmax(logits /
// temperature) after it. Neither of them finds, cuts out or resizes what is on a picture: `data/prepare.hpp` does that.
//
// Weights have the names and the order of the state dict. Metadata: `arch`; `class_names` and `preprocessing` (JSON, as
// in the recipe); `temperature`; `program`; `model_sha256` of the file that the model was read from.
#pragma once

#include <string>

#include "mnist/core/recipe.hpp"
#include "mnist/format/onnx_file.hpp"
#include "mnist/model/network.hpp"

namespace mnist {

struct OnnxExport {
  std::string name;               // of the graph
  bool preprocessing = false;     // whether the graph includes it
  std::string model_sha256 = {};  // hexadecimal; empty: no such metadata
};

// `network`: on the CPU, in eval mode, float32, as `recipe` describes it. Afterwards its parameters require no
// gradients and it uses LibTorch's operators only. The same arguments give the same model. Throws `std::logic_error`
// (an internal error) if the network uses an operator that has no translation; it is named.
OnnxModel onnx_model(Network& network, const Recipe& recipe, const OnnxExport& options);

}  // namespace mnist
