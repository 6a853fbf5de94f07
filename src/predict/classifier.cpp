#include "mnist/predict/classifier.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "mnist/core/files.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/device/runtime.hpp"

namespace mnist {

Classifier::Classifier(const LoadedModel& model, const c10::Device& device, std::int64_t top_k)
    : model_(model),
      device_(device),
      top_k_(std::min(top_k, static_cast<std::int64_t>(model.recipe.class_names.size()))) {
  model_.network->to(device);
}

torch::Tensor Classifier::logits(const torch::Tensor& pixels) const {
  const c10::AutoGradMode no_grad(false);
  const auto inputs = normalize(pixels.to(device_), preprocessing());
  const PrecisionScope scope(Precision::fp32, device_);
  return model_.network->forward(inputs, Dropout::off()).cpu().to(torch::kFloat32);
}

std::vector<std::vector<ClassProbability>> Classifier::classify(const std::vector<torch::Tensor>& images) const {
  return top_classes(logits(at::stack(images)), model_.recipe, top_k_);
}

std::vector<std::vector<double>> probabilities_of(const torch::Tensor& logits, const Recipe& recipe) {
  const torch::Tensor whole = logits.contiguous();
  const float* next = whole.const_data_ptr<float>();
  const auto classes = static_cast<std::size_t>(whole.size(1));
  std::vector<std::vector<double>> rows(static_cast<std::size_t>(whole.size(0)), std::vector<double>(classes));
  for (std::vector<double>& row : rows) {
    const double greatest = *std::max_element(next, next + classes);
    double sum = 0;
    for (double& value : row) {
      value = std::exp((*next++ - greatest) / recipe.temperature);
      sum += value;
    }
    for (double& value : row) value /= sum;
  }
  return rows;
}

std::vector<std::vector<ClassProbability>> top_classes(const torch::Tensor& logits, const Recipe& recipe,
                                                       std::int64_t top_k) {
  std::vector<std::vector<ClassProbability>> results;
  for (const std::vector<double>& row : probabilities_of(logits, recipe)) {
    auto& top = results.emplace_back();
    if (!std::ranges::all_of(row, [](double value) { return std::isfinite(value); })) continue;
    std::vector<std::size_t> order(row.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto end = order.begin() + std::min(top_k, std::ssize(order));
    std::partial_sort(order.begin(), end, order.end(), [&](std::size_t one, std::size_t other) {
      return row[one] != row[other] ? row[one] > row[other] : one < other;
    });
    for (auto index = order.begin(); index != end; ++index) {
      top.push_back({recipe.class_names[*index], static_cast<std::int64_t>(*index), row[*index]});
    }
  }
  return results;
}

Error not_finite(const std::filesystem::path& model, const std::string& input) {
  return data_error(fmt::format("the model {} gives numbers that are not finite for {}", quoted(model), input),
                    "its weights are damaged, or its training diverged: use another model file");
}

}  // namespace mnist
