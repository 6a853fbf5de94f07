// A network's answers for pictures: the most probable classes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <c10/core/Device.h>
#include <torch/types.h>

#include "mnist/core/error.hpp"
#include "mnist/core/recipe.hpp"

#include "infer_output.hpp"
#include "load_model.hpp"

namespace mnist::cli {

// A network, its device, and the number of classes per answer.
class Classifier {
 public:
  // Moves the network to `device`. Keeps a reference to `model`. `top_k`: at least 1; if the network has fewer classes,
  // all are returned.
  Classifier(const LoadedModel& model, const c10::Device& device, std::int64_t top_k);

  const Preprocessing& preprocessing() const { return model_.recipe.preprocessing; }
  std::int64_t top_k() const { return top_k_; }

  // `images`: at least one, each uint8 [C, H, W] as `prepare_image` gives them. Returns the most probable classes of
  // each; none if the network's output is not finite. Throws LibTorch's exceptions, for example if memory is missing.
  std::vector<std::vector<ClassProbability>> classify(const std::vector<torch::Tensor>& images) const;

 private:
  const LoadedModel& model_;
  c10::Device device_;
  std::int64_t top_k_;
};

// The error for an input without classes from `classify`. `input`: its name; `model`: the network's file.
Error not_finite(const std::filesystem::path& model, const std::string& input);

}  // namespace mnist::cli
