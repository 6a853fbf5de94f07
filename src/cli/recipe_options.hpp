// The options of `mnist train` whose defaults depend on the network: those of its reference program.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "mnist/model/registry.hpp"

namespace mnist::cli {

class RecipeOptions {
 public:
  // Adds them to `app`. `values` is filled while parsing and must outlive the parser.
  RecipeOptions(CLI::App& app, TrainingDefaults& values);

  // After parsing: sets omitted options to the network's values, also for the run's config.
  void fill_in(const TrainingDefaults& of_network) const;

 private:
  template <class T>
  void add(CLI::Option* option, T TrainingDefaults::*member, const char* group = "Recipe");

  TrainingDefaults& values_;
  std::vector<std::function<void(const TrainingDefaults&)>> fill_in_;
};

// --recipe: the defaults of a network's reference program, or its fast ones. Throws a usage `Error` if it has none.
const TrainingDefaults& recipe_named(const std::string& name, const ModelInfo& network);

// The recipe with learning rate, momentum and weight decay for another optimizer. `pretrained`: training starts from
// pretrained weights.
TrainingDefaults with_optimizer(const TrainingDefaults& recipe, const std::string& optimizer, bool pretrained);

// The values of every network, for the end of the help.
std::string defaults_by_network();

}  // namespace mnist::cli
