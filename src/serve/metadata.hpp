// What the server says of itself and its models, as JSON of the Open Inference Protocol.
#pragma once

#include <string>
#include <vector>

#include "mnist/serve/served_models.hpp"

namespace mnist {

using ModelList = std::vector<std::shared_ptr<ServedModel>>;

std::string server_metadata();

// Of all versions of the model in one: `facts` is the version that was asked for.
std::string model_metadata(const ModelFacts& facts, const ModelList& all);

// Names with their versions.
std::string model_list(const ModelList& all);

// The same as Triton's extension for model repositories has it.
std::string repository_index(const ModelList& all);

// Lines of metrics: the models, and the images that wait.
std::string model_metrics(const ModelList& all);

}  // namespace mnist
