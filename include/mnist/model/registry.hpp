// The table of networks: everything that has to be said about one, in one place (`src/model/registry.cpp`). A new
// network is a new file beside `cnn.cpp` and a new entry there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mnist/core/recipe.hpp"
#include "mnist/model/network.hpp"

namespace mnist {

// How the program that a network comes from trains it: the defaults of `mnist train --arch ...`.
struct TrainingDefaults {
  std::string dataset;  // a name in the table of data sets
  std::int64_t epochs = 1;
  std::int64_t batch_size = 64;
  std::int64_t test_batch_size = 1000;
  std::string optimizer;  // a name in the table of optimizers
  double lr = 0;
  double momentum = 0;
  double weight_decay = 0;
  std::int64_t step_size = 0;  // epochs between two multiplications of the rate by gamma; 0: never
  double gamma = 1;
  std::string shuffle = "on";  // "on": another order every epoch; "off": the data set's own
  std::string schedule = "step";
  std::string keep_best = "off";  // "on": the model is that of the best epoch; "off": of the last
};

struct ModelInfo {
  std::string name;         // "cnn"
  std::string description;  // one line for people
  std::string head;         // name of the last layer's weight, [classes, ...]
  Preprocessing preprocessing;
  TrainingDefaults training;
  std::optional<TrainingDefaults> fast;  // another recipe of our own: good enough in the least time

  // The beginning of the names of the last layer's parameters: "fc2."
  std::string head_layer() const { return head.substr(0, head.rfind('.') + 1); }

  // How the program that it comes from works besides.
  // The file of published weights, for ImageNet's 1000 classes, that training starts from unless --weights says
  // otherwise; empty: it starts from random ones. The digits in its name begin its SHA-256.
  std::string pretrained;
  bool names_classes = false;  // its model file is {"state_dict", "class_names"}; else the state dict
  bool prints_phases = false;  // its lines are those of the transfer-learning tutorial; else those of the examples
  bool draws_photos = false;   // it leaves pictures of a batch and of predictions

  // A network with PyTorch's default initialisation, drawn from LibTorch's default generator.
  std::function<std::shared_ptr<Network>(std::int64_t classes)> make;
};

const std::vector<ModelInfo>& models();
std::vector<std::string> model_names();

// Throws a usage `Error` with the nearest name where there is no such network.
const ModelInfo& model_info(const std::string& name);

// A new network, its weights as PyTorch's modules initialise them after `torch.manual_seed(seed)`: the same seed gives
// the weights that the Python program starts from.
std::shared_ptr<Network> make_network(const ModelInfo& info, std::int64_t classes, std::uint64_t seed);

// The network whose names and shapes a state dict has, or nullptr where none fits; for files without a recipe.
const ModelInfo* identify(const StateDict& state);

}  // namespace mnist
