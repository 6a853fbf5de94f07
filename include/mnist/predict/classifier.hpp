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
#include "mnist/predict/load_model.hpp"
#include "mnist/predict/prediction.hpp"

namespace mnist {

// A network, its device, and the number of classes per answer.
class Classifier {
 public:
  // Moves the network to `device`. Keeps a reference to `model`. `top_k`: at least 1; if the network has fewer classes,
  // all are returned.
  Classifier(const LoadedModel& model, const c10::Device& device, std::int64_t top_k);

  const Preprocessing& preprocessing() const { return model_.recipe.preprocessing; }
  std::int64_t top_k() const { return top_k_; }

  // The network's output, float [N, classes], on the CPU. `pixels`: uint8 [N, C, H, W] of the recipe's size. Throws
  // LibTorch's exceptions, for example if memory is missing.
  torch::Tensor logits(const torch::Tensor& pixels) const;

  // `images`: at least one, each uint8 [C, H, W] as `prepare_image` gives them. Returns `top_classes` of each. Throws
  // as `logits`.
  std::vector<std::vector<ClassProbability>> classify(const std::vector<torch::Tensor>& images) const;

 private:
  const LoadedModel& model_;
  c10::Device device_;
  std::int64_t top_k_;
};

// softmax(logits / temperature) in double precision: [N][classes]; NaN if an output is not finite. `logits`: float
// [N, classes], on the CPU.
std::vector<std::vector<double>> probabilities_of(const torch::Tensor& logits, const Recipe& recipe);

// Of each row, the `top_k` most probable classes, or all if there are fewer; none if the network's output is not
// finite.
std::vector<std::vector<ClassProbability>> top_classes(const torch::Tensor& logits, const Recipe& recipe,
                                                       std::int64_t top_k);

// The error for an input without classes from `classify`. `input`: its name; `model`: the network's file.
Error not_finite(const std::filesystem::path& model, const std::string& input);

}  // namespace mnist
