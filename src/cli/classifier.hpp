// A network's answers for pictures: their likeliest classes.
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

// A network, where it runs, and how many classes it is asked for.
class Classifier {
 public:
  // Moves the network to `device`. Keeps a reference to `model`. `top_k`: at least 1; a network with fewer classes is
  // asked for all of them.
  Classifier(const LoadedModel& model, const c10::Device& device, std::int64_t top_k);

  const Preprocessing& preprocessing() const { return model_.recipe.preprocessing; }
  std::int64_t top_k() const { return top_k_; }

  // `images`: at least one, each uint8 [C, H, W] as `prepare_image` gives them. The likeliest classes of each; none for
  // one for which the network's numbers are not finite. Throws what LibTorch throws, such as on too little memory.
  std::vector<std::vector<ClassProbability>> classify(const std::vector<torch::Tensor>& images) const;

 private:
  const LoadedModel& model_;
  c10::Device device_;
  std::int64_t top_k_;
};

// What to say of an input for which `classify` gave no class; `input` names it, `model` is the network's file.
Error not_finite(const std::filesystem::path& model, const std::string& input);

}  // namespace mnist::cli
