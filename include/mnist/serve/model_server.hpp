// `mnist serve` without its options: answers HTTP requests with models. docs/serving.md describes the addresses.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mnist/serve/batcher.hpp"
#include "mnist/serve/http_server.hpp"
#include "mnist/serve/served_models.hpp"

namespace mnist {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: a free one
  HttpLimits http;
  BatchLimits batch;
  std::size_t threads = 2;  // that decode pictures and write answers; at least 1
  std::string api_key;      // that clients must send; empty: none
  // Called with one line per answer, without a line break, from any thread; empty: no access log.
  std::function<void(std::string_view line)> access_log;
  // Called from threads of this object with what `ServedModels::reload` tells, and with errors that are not the
  // clients', such as those of the network; the same one at most once a minute.
  std::function<void(const std::string& sentence, bool is_error)> tell;
};

class ModelServer {
 public:
  // Listens first, and then loads the models, so that a used port is known at once. Throws as `HttpServer` and
  // `ServedModels` do.
  ModelServer(ServerOptions options, const std::vector<ModelSource>& sources, ServedModels::Load load,
              const c10::Device& device);
  ~ModelServer();
  ModelServer(const ModelServer&) = delete;
  ModelServer& operator=(const ModelServer&) = delete;

  std::uint16_t port() const;
  std::vector<std::shared_ptr<ServedModel>> models() const;

  // As in `HttpServer`.
  void on_signal(int signal, std::function<void()> action);

  // Serves until `stop`; then all requests are answered.
  void run();
  void stop();

  // Reads changed model files again, in a thread of its own. In the thread of `run`.
  void reload();

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace mnist
