// The table of networks, with all their properties in one place (`src/model/registry.cpp`). To add a network, add a
// file like `cnn.cpp` and an entry in the table.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mnist/core/recipe.hpp"
#include "mnist/model/network.hpp"

namespace mnist {

// Default training options of a network (`mnist train --arch ...`): those of the reference program that it comes from.
struct TrainingDefaults {
  std::string dataset;  // a name in the table of data sets
  std::int64_t epochs = 1;
  std::int64_t batch_size = 64;
  std::int64_t test_batch_size = 1000;
  std::string optimizer;  // a name in the table of optimizers
  double lr = 0;
  double momentum = 0;
  double weight_decay = 0;
  std::int64_t step_size = 0;  // epochs after which the rate is multiplied by gamma; 0: never
  double gamma = 1;
  std::string shuffle = "on";  // "on": a new order every epoch; "off": the order of the data set
  std::string schedule = "step";
  std::string keep_best = "off";  // "on": save the model of the best epoch; "off": of the last epoch
};

struct ModelInfo {
  std::string name;         // "cnn"
  std::string description;  // one line for people
  std::string head;         // name of the last layer's weight, of shape [classes, ...]
  Preprocessing preprocessing;
  TrainingDefaults training;
  std::optional<TrainingDefaults> fast;  // options of `--recipe fast`: enough accuracy in the shortest time

  // The name prefix of the last layer's parameters: "fc2."
  std::string head_layer() const { return head.substr(0, head.rfind('.') + 1); }

  // File of published weights, for ImageNet's 1000 classes, that training starts from unless --weights selects others;
  // empty: training starts from random weights. The digits in its name are the start of its SHA-256.
  std::string pretrained;
  bool names_classes = false;  // model files are {"state_dict", "class_names"}; else the state dict
  bool prints_phases = false;  // prints the lines of the transfer-learning tutorial; else of the examples
  bool draws_photos = false;   // writes pictures of a batch and of predictions

  // Creates the network with PyTorch's default initialisation from LibTorch's default generator.
  std::function<std::shared_ptr<Network>(std::int64_t classes)> make;
};

const std::vector<ModelInfo>& models();
std::vector<std::string> model_names();

// Throws a usage `Error` with the nearest name if there is no such network.
const ModelInfo& model_info(std::string_view name);

// Creates a network with the weights that PyTorch's modules have after `torch.manual_seed(seed)`: the same seed gives
// the initial weights of the Python program.
std::shared_ptr<Network> make_network(const ModelInfo& info, std::int64_t classes, std::uint64_t seed);

// Finds the network whose parameter names and shapes match a state dict; nullptr if there is none. For files without a
// recipe.
const ModelInfo* identify(const StateDict& state);

}  // namespace mnist
