// A model server in this process, with small untrained models.
#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ATen.h>
#include <spdlog/sinks/null_sink.h>

#include "mnist/core/signals.hpp"
#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/predict/load_model.hpp"
#include "mnist/serve/model_server.hpp"

#include "support/hashed.hpp"
#include "support/http_client.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {

// Writes an untrained model: the same seed gives the same weights.
inline void write_model(const std::filesystem::path& path, const std::string& arch, std::uint64_t seed,
                        int classes = 10) {
  Recipe recipe{.arch = arch, .preprocessing = model_info(arch).preprocessing};
  if (recipe.preprocessing.kind == Preprocessing::Kind::photo) recipe.preprocessing = resized(recipe.preprocessing, 32);
  for (int i = 0; i < classes; ++i) recipe.class_names.push_back("number " + std::to_string(i));
  write_model_file(path, state_dict(*make_network(model_info(arch), classes, seed)), recipe);
}

// A digit-like picture: dark strokes on white, uint8 [height, width, 1].
inline at::Tensor drawn_one(std::int64_t height = 100, std::int64_t width = 80) {
  at::Tensor pixels = at::full({height, width, 1}, 255, at::kByte);
  pixels.narrow(0, height / 5, height / 2).narrow(1, width / 2, width / 10).fill_(0);
  return pixels;
}

class Served {
 public:
  explicit Served(const std::vector<ModelSource>& sources, ServerOptions options = {})
      : server_(
            with_defaults(std::move(options)), sources,
            [this](const std::filesystem::path& file) { return load_model(file, log_, /*hash=*/true); }, c10::kCPU),
        thread_([this] {
          ignore_closed_pipes();
          server_.run();
        }) {}
  ~Served() {
    server_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return server_.port(); }
  ModelServer& server() { return server_; }

  // What a reload has told so far.
  std::vector<std::string> told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }

 private:
  ServerOptions with_defaults(ServerOptions options) {
    options.port = 0;
    options.tell = [this](const std::string& sentence, bool) {
      const std::lock_guard lock(mutex_);
      told_.push_back(sentence);
    };
    return options;
  }

  std::mutex mutex_;
  std::vector<std::string> told_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  ModelServer server_;
  std::thread thread_;
};

}  // namespace mnist::test
