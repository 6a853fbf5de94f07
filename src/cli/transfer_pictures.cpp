#include "transfer_pictures.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "mnist/data/batch.hpp"

namespace mnist::cli {
namespace {

const std::string& name_of(const OpenedData& data, const torch::Tensor& index) {
  return data.class_names[static_cast<std::size_t>(index.item<std::int64_t>())];
}

}  // namespace

std::string predictions_name(const ModelInfo& info, const std::string& scenario) {
  return fmt::format("{}-{}_predictions.png", info.name, scenario == "fixedfeature" ? "fixedfeatures" : "finetuned");
}

std::vector<CaptionedImage> training_batch(const OpenedData& data, const TrainingOptions& training,
                                           const ModelInfo& info) {
  constexpr std::int64_t kMost = 8;
  const std::int64_t items = data.batches->size();
  const std::int64_t count = std::min({training.batch_size, items, kMost});
  const torch::Tensor order = training.shuffle ? epoch_order(items, training.seed, 1) : at::arange(items);
  data.batches->start(order.slice(0, 0, count), 1);
  const Batch batch = data.batches->get(0, count);
  const torch::Tensor pixels = denormalize(batch.inputs, info.preprocessing);
  std::vector<CaptionedImage> images;
  for (std::int64_t i = 0; i < count; ++i) images.push_back({pixels[i], name_of(data, batch.targets[i])});
  return images;
}

void draw_predictions(const std::filesystem::path& path, Network& network, const OpenedData& data, double temperature,
                      const TrainingOptions& training, const ModelInfo& info) {
  const c10::AutoGradMode no_grad(false);
  constexpr std::int64_t kImages = 6;
  const std::int64_t items = data.batches->size();
  const std::int64_t count = std::min(items, kImages);
  const torch::Tensor chosen = at::arange(count).mul(items).div(count, "floor");  // so that every class is included
  data.batches->start(chosen, 0);
  const Batch batch = data.batches->get(0, count);
  network.eval();
  torch::Tensor logits;
  {
    const PrecisionScope scope(training.compute.precision, training.compute.device);
    logits = network.forward(batch.inputs, Dropout::off());
  }
  const torch::Tensor probabilities = at::softmax(logits.to(at::kFloat) / temperature, 1).cpu();
  const torch::Tensor predicted = probabilities.argmax(1);
  const torch::Tensor targets = batch.targets.cpu();
  const torch::Tensor pixels = denormalize(batch.inputs, info.preprocessing);
  std::vector<CaptionedImage> images;
  for (std::int64_t i = 0; i < count; ++i) {
    const bool right = targets[i].equal(predicted[i]);
    const double share = probabilities[i][predicted[i]].item<double>();
    images.push_back(
        {pixels[i],
         fmt::format("{:.1f} % {}\ntrue: {}", 100 * share, name_of(data, predicted[i]), name_of(data, targets[i])),
         right ? CaptionedImage::Mark::right : CaptionedImage::Mark::wrong});
  }
  draw_image_grid(path, images, 3);
}

}  // namespace mnist::cli
