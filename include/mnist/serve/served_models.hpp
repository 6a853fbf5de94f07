// The models of a server: by name and version, each with the thread that runs its network; and reading changed files
// again while requests go on.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "mnist/predict/classifier.hpp"
#include "mnist/predict/load_model.hpp"
#include "mnist/serve/batcher.hpp"
#include "mnist/serve/metrics.hpp"

namespace mnist {

struct ModelSource {
  std::string name;  // in addresses: "digits"
  int version = 1;
  std::filesystem::path file;
};

// What answers need of a model after its network has run.
struct ModelFacts {
  ModelSource source;
  Recipe recipe;
  std::string sha256;  // of the file
  std::string labels;  // of metrics: model="digits",version="1"
};

class ServedModel {
 public:
  // Keeps a reference to `metrics`.
  ServedModel(const ModelSource& source, LoadedModel model, const c10::Device& device, const BatchLimits& limits,
              Metrics& metrics);

  const std::shared_ptr<const ModelFacts>& facts() const { return facts_; }
  std::size_t waiting() const { return batcher_.waiting(); }

  // As `Batcher::submit`; `done` gets logits, float [N, classes]. It must not own this object.
  [[nodiscard]] bool submit(torch::Tensor pixels, Batcher::Done done) {
    return batcher_.submit(std::move(pixels), std::move(done));
  }

 private:
  LoadedModel model_;
  Classifier classifier_;
  std::shared_ptr<const ModelFacts> facts_;
  Batcher batcher_;  // the last member: its thread uses the others
};

class ServedModels {
 public:
  // Reads a model file, with its SHA-256. Throws `Error`.
  using Load = std::function<LoadedModel(const std::filesystem::path& file)>;

  // Loads them all. `sources`: at least one, no name and version twice. Throws what `load` throws.
  ServedModels(const std::vector<ModelSource>& sources, Load load, const c10::Device& device, const BatchLimits& limits,
               Metrics& metrics);

  // The model with this version; 0: its newest. nullptr if there is none.
  std::shared_ptr<ServedModel> find(const std::string& name, int version = 0) const;

  // All of them, in the order of the sources.
  std::vector<std::shared_ptr<ServedModel>> all() const;

  // Reads files whose content has changed again, and calls `tell` with a sentence for each model, and whether it is an
  // error. If a file cannot be used, its model stays as it is. Requests go on meanwhile. Not from two threads at a
  // time.
  void reload(const std::function<void(const std::string& sentence, bool is_error)>& tell);

 private:
  std::string reload_one(const ModelSource& source);

  Load load_;
  c10::Device device_;
  BatchLimits limits_;
  Metrics& metrics_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<ServedModel>> models_;  // under mutex_
};

}  // namespace mnist
