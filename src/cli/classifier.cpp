#include "classifier.hpp"

#include <algorithm>
#include <cstddef>

#include <ATen/ops/isfinite.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "mnist/core/files.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/device/runtime.hpp"

namespace mnist::cli {

Classifier::Classifier(const LoadedModel& model, const c10::Device& device, std::int64_t top_k)
    : model_(model),
      device_(device),
      top_k_(std::min(top_k, static_cast<std::int64_t>(model.recipe.class_names.size()))) {
  model_.network->to(device);
}

std::vector<std::vector<ClassProbability>> Classifier::classify(const std::vector<torch::Tensor>& images) const {
  const c10::AutoGradMode no_grad(false);
  const auto inputs = normalize(at::stack(images).to(device_), preprocessing());
  const PrecisionScope scope(Precision::fp32, device_);
  const auto logits = model_.network->forward(inputs, Dropout::off());
  const auto all = at::softmax(logits.cpu().to(torch::kFloat64) / model_.recipe.temperature, 1);
  const auto finite = at::isfinite(all).all(1);
  const auto [probabilities, classes] = all.topk(top_k_, 1);
  const std::vector<std::string>& class_names = model_.recipe.class_names;
  std::vector<std::vector<ClassProbability>> results;
  for (std::int64_t row = 0; row < classes.size(0); ++row) {
    auto& top = results.emplace_back();
    if (!finite[row].item<bool>()) continue;
    for (std::int64_t rank = 0; rank < top_k_; ++rank) {
      const auto index = classes[row][rank].item<std::int64_t>();
      const auto probability = probabilities[row][rank].item<double>();
      top.push_back({class_names[static_cast<std::size_t>(index)], index, probability});
    }
  }
  return results;
}

Error not_finite(const std::filesystem::path& model, const std::string& input) {
  return data_error(fmt::format("the model {} gives numbers that are not finite for {}", quoted(model), input),
                    "its weights are damaged, or its training diverged: use another model file");
}

}  // namespace mnist::cli
