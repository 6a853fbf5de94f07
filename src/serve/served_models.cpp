#include "mnist/serve/served_models.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/sha256.hpp"
#include "mnist/core/text.hpp"

namespace mnist {
namespace {

// Ends a model that is no longer served, on this thread: it answers what it has first, which may take long, and the
// threads of the requests must not wait for that. They give it up as soon as they have submitted their images.
void end(std::shared_ptr<ServedModel> model) {
  while (model.use_count() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  model.reset();
}

}  // namespace

ServedModel::ServedModel(const ModelSource& source, LoadedModel model, const c10::Device& device,
                         const BatchLimits& limits, Metrics& metrics)
    : model_(std::move(model)),
      classifier_(model_, device, /*top_k=*/1),
      facts_(std::make_shared<const ModelFacts>(ModelFacts{
          source, model_.recipe, model_.sha256,
          metric_label("model", source.name) + "," + metric_label("version", std::to_string(source.version))})),
      batcher_(
          limits, [this](const torch::Tensor& pixels) { return classifier_.logits(pixels); },
          [&metrics, labels = facts_->labels](std::size_t images) { metrics.batch(labels, images); }) {}

ServedModels::ServedModels(const std::vector<ModelSource>& sources, Load load, const c10::Device& device,
                           const BatchLimits& limits, Metrics& metrics)
    : load_(std::move(load)), device_(device), limits_(limits), metrics_(metrics) {
  for (const ModelSource& source : sources) {
    models_.push_back(std::make_shared<ServedModel>(source, load_(source.file), device_, limits_, metrics_));
  }
}

std::shared_ptr<ServedModel> ServedModels::find(const std::string& name, int version) const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<ServedModel> found;
  for (const auto& model : models_) {
    const ModelSource& source = model->facts()->source;
    if (source.name == name && (version == 0 || source.version == version)) found = model;  // the newest is the last
  }
  return found;
}

std::vector<std::shared_ptr<ServedModel>> ServedModels::all() const {
  const std::lock_guard lock(mutex_);
  return models_;
}

void ServedModels::reload(const std::function<void(const std::string& sentence, bool is_error)>& tell) {
  std::vector<ModelSource> sources;
  for (const auto& model : all()) sources.push_back(model->facts()->source);
  for (const ModelSource& source : sources) {
    const std::string name = fmt::format("model {}, version {}, {}", source.name, source.version, quoted(source.file));
    try {
      const std::string change = reload_one(source);
      metrics_.reload(change.empty() ? "unchanged" : "ok");
      tell(fmt::format("{}: {}", name, change.empty() ? "the file has not changed" : change), false);
    } catch (const std::exception& error) {
      metrics_.reload("failed");
      tell(fmt::format("{}: the model stays as it was: {}", name, error.what()), true);
    }
  }
}

// What has changed, as text; empty: nothing. Only one old model is in memory beside the new one.
std::string ServedModels::reload_one(const ModelSource& source) {
  const std::shared_ptr<const ModelFacts> old = find(source.name, source.version)->facts();
  if (file_sha256(source.file, "model file") == old->sha256) return {};
  auto fresh = std::make_shared<ServedModel>(source, load_(source.file), device_, limits_, metrics_);
  const std::shared_ptr<const ModelFacts> facts = fresh->facts();
  {
    const std::lock_guard lock(mutex_);
    for (auto& model : models_) {
      const ModelSource& other = model->facts()->source;
      if (other.name == source.name && other.version == source.version) model.swap(fresh);
    }
  }
  end(std::move(fresh));
  const Recipe& before = old->recipe;
  const Recipe& now = facts->recipe;
  if (now.class_names == before.class_names && now.preprocessing == before.preprocessing) return "read again";
  return fmt::format("read again; clients must know that it is another model: {} with {} now, {} with {} before",
                     now.arch, counted(std::ssize(now.class_names), "class"), before.arch,
                     counted(std::ssize(before.class_names), "class"));
}

}  // namespace mnist
