// mnist serve: answers HTTP requests with models. What it answers: `serve/model_server.hpp` and docs/serving.md.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/core/text.hpp"
#include "mnist/device/device.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/device/spin_control.hpp"
#include "mnist/export/triton.hpp"
#include "mnist/predict/load_model.hpp"
#include "mnist/serve/model_server.hpp"

#include "access_log.hpp"
#include "command.hpp"
#include "options.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

constexpr const char* kAddresses =
    "Addresses:\n"
    "  GET /                     a page to draw a digit on, or to drop a photo on\n"
    "  POST /predict             a picture, or a form with several; the JSON of mnist infer:\n"
    "    curl -F image=@digit.png 'http://127.0.0.1:8080/predict?top_k=3'\n"
    "  POST /v2/models/NAME/infer, GET /v2/models, GET /v2/health/ready\n"
    "                            tensors, by the Open Inference Protocol\n"
    "  GET /metrics              figures for Prometheus\n"
    "Parameters of /predict: model, version, top_k, multi, invert, min_probability,\n"
    "show_input.\n"
    "Signals: SIGHUP reads changed model files again and opens the access log again;\n"
    "SIGTERM and SIGINT end the server after the requests that are here.\n";

struct ServeOptions {
  std::vector<std::string> models = {kDefaultModel};
  std::string host = "127.0.0.1";
  std::int64_t port = 8080;
  std::int64_t max_batch = 32;
  double max_delay_ms = 2;
  std::int64_t max_queue = 512;
  std::int64_t max_body = 16;
  std::int64_t max_connections = 1024;
  double request_timeout = 10;
  double idle_timeout = 60;
  std::filesystem::path api_key_file;
  std::filesystem::path access_log;
  std::string device = "auto";
  int threads = 0;
};

// "digits=a.pt", or a path without '='.
ModelSource source_of(const std::string& text) {
  if (const std::size_t equals = text.find('='); equals != std::string::npos) {
    const std::string name = text.substr(0, equals);
    if (!is_triton_name(name)) {
      throw usage_error(fmt::format("--model {}: the name cannot be {}", quoted_name(text), quoted_name(name)),
                        kTritonNameHint);
    }
    if (equals + 1 == text.size()) {
      throw usage_error(fmt::format("--model {} names no file", quoted_name(text)), "write NAME=FILE");
    }
    return {name, 1, text.substr(equals + 1)};
  }
  const std::string stem = std::filesystem::path(text).stem().string();
  if (is_triton_name(stem)) return {stem, 1, text};
  throw usage_error(fmt::format("{} is not a name for a model", quoted_name(stem)),
                    fmt::format("give it one: --model NAME={}", text));
}

// Models with the same given name are versions 1, 2, ... of it.
std::vector<ModelSource> sources_of(const std::vector<std::string>& models) {
  std::vector<ModelSource> sources;
  for (const std::string& text : models) {
    ModelSource source = source_of(text);
    const bool is_named = source.file != text;
    for (const ModelSource& other : sources) {
      if (other.name != source.name) continue;
      if (!is_named) {
        throw usage_error(
            fmt::format("{} and {} would have the same name, {}", quoted(other.file), quoted(source.file), source.name),
            "name them: --model NAME=FILE; the same NAME twice gives two versions of a model");
      }
      source.version = other.version + 1;
    }
    sources.push_back(std::move(source));
  }
  return sources;
}

// The first line of the file.
std::string api_key_of(const std::filesystem::path& file) {
  if (file.empty()) return {};
  constexpr std::uintmax_t kMostBytes = 4096;
  std::string key;
  try {
    key = first_line(read_file(file, "API key file", kMostBytes));
  } catch (const Error& error) {
    throw Error(error.kind(), error.what(), "make one: openssl rand -hex 32 > FILE");
  }
  if (key.ends_with('\r')) key.pop_back();
  const bool is_plain = std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
  if (!key.empty() && is_plain) return key;
  throw data_error(fmt::format("the first line of {} is not an API key", quoted(file)),
                   "write letters, digits and punctuation without blanks: openssl rand -hex 32 > FILE");
}

ServerOptions server_options(const ServeOptions& options, int threads, AccessLog* access_log, spdlog::logger& log) {
  ServerOptions server;
  server.host = options.host;
  server.port = static_cast<std::uint16_t>(options.port);
  server.http.body_bytes = static_cast<std::size_t>(options.max_body) << 20;
  server.http.received_bytes = std::max(server.http.received_bytes, 2 * server.http.body_bytes);
  server.http.connections = static_cast<std::size_t>(options.max_connections);
  server.http.request_seconds = options.request_timeout;
  server.http.idle_seconds = options.idle_timeout;
  server.batch.images = static_cast<std::size_t>(options.max_batch);
  server.batch.delay = std::chrono::duration<double, std::milli>(options.max_delay_ms);
  server.batch.waiting = static_cast<std::size_t>(options.max_queue);
  server.threads = static_cast<std::size_t>(threads);
  server.api_key = api_key_of(options.api_key_file);
  if (access_log != nullptr) {
    server.access_log = [access_log](std::string_view line) { access_log->write(line); };
  }
  server.tell = [&log](const std::string& sentence, bool is_error) {
    log.log(is_error ? spdlog::level::err : spdlog::level::info, sentence);
  };
  return server;
}

// Each connection needs a descriptor, and so do models and logs.
ServeOptions with_descriptors(ServeOptions options, spdlog::logger& log) {
  constexpr std::size_t kOthers = 64;
  const std::size_t all = allow_descriptors();
  const auto connections = static_cast<std::int64_t>(all > 2 * kOthers ? all - kOthers : all / 2);
  if (options.max_connections > connections) {
    log.warn("--max-connections is {} instead of {}: the system allows this process {} open files", connections,
             options.max_connections, all);
    options.max_connections = connections;
  }
  return options;
}

bool is_loopback(const std::string& host) {
  return host.starts_with("127.") || host == "::1" || host == "localhost";
}

void tell_exposure(const ServeOptions& options, spdlog::logger& log) {
  if (is_loopback(options.host)) return;
  log.warn("{} can be reached from other machines, and requests are not encrypted{}", options.host,
           options.api_key_file.empty() ? "; anyone may send them: --api-key-file asks for a key" : "");
}

// Raises the signal with its default action: a second one ends the process.
void end_at_once(int signal) {
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// Returns the exit code.
int serve(ModelServer& server, const std::string& host, AccessLog* access_log, spdlog::logger& log) {
  int stopped_by = 0;
  std::chrono::steady_clock::time_point since;
  for (const int signal : kEndSignals) {
    server.on_signal(signal, [&, signal] {
      const auto now = std::chrono::steady_clock::now();
      if (stopped_by != 0) {
        // timeout(1) sends a signal twice.
        if (std::chrono::duration<double>(now - since).count() > kSameSignal) end_at_once(signal);
        return;
      }
      stopped_by = signal;
      since = now;
      log.info("{}: stopping after the requests that are here; again to end at once", StopSignals::name_of(signal));
      server.stop();
    });
  }
  if (kReloadSignal != 0) {
    server.on_signal(kReloadSignal, [&] {
      log.info("SIGHUP: reading changed model files again");
      if (access_log != nullptr) access_log->reopen();
      server.reload();
    });
    release_signal(kReloadSignal);
  }
  // After the signals: who waits for this line may send one at once.
  const bool is_v6 = host.find(':') != std::string::npos;
  print(fmt::format("Serving on http://{}:{}\n", is_v6 ? "[" + host + "]" : host, server.port()));
  server.run();
  return StopSignals::exit_code_of(stopped_by);
}

int run_serve(const ServeOptions& options, const Context& context) {
  const std::vector<ModelSource> sources = sources_of(options.models);
  ignore_closed_pipes();
  hold_signal(kReloadSignal);  // its default action would end the process while models are read
  keep_freed_memory();
  share_freed_memory();
  const int threads = set_threads(wanted_threads(options.threads));
  const SpinControl spin(threads);
  warn_of_threads(options.threads, context.log);
  const DeviceChoice device = select_device(options.device);
  tell_device(device, spdlog::level::info, context.log);
  std::optional<AccessLog> access_log;
  if (!options.access_log.empty()) access_log.emplace(options.access_log, context.log);
  AccessLog* const log = access_log ? &*access_log : nullptr;
  ModelServer server(
      server_options(with_descriptors(options, context.log), threads, log, context.log), sources,
      [&](const std::filesystem::path& file) { return load_model(file, context.log, /*hash=*/true); }, device.device);
  for (const auto& model : server.models()) {
    const ModelFacts& facts = *model->facts();
    context.log.info("model {}, version {}: {}, {}", facts.source.name, facts.source.version, facts.recipe.arch,
                     quoted(facts.source.file));
  }
  tell_exposure(options, context.log);
  return serve(server, options.host, log, context.log);
}

void add_limits(CLI::App& app, ServeOptions& o) {
  constexpr std::int64_t kMost = 1'000'000;
  constexpr double kLongest = 86'400;
  integer(app.add_option("--max-batch", o.max_batch, "images that the network computes together"), 1, 100'000);
  real(app.add_option("--max-delay-ms", o.max_delay_ms,
                      "milliseconds that an image waits for further ones, if the last batch had several"),
       0, 10'000);
  integer(app.add_option("--max-queue", o.max_queue, "images that may wait, for each model; else the answer is 503"), 1,
          kMost);
  integer(app.add_option("--max-body", o.max_body, "MiB of one request; else the answer is 413"), 1, 1024);
  integer(app.add_option("--max-connections", o.max_connections, "open connections; further clients wait"), 1, kMost);
  real(app.add_option("--request-timeout", o.request_timeout,
                      "seconds that a client has to send a request, and to take the answer"),
       0.1, kLongest);
  real(app.add_option("--idle-timeout", o.idle_timeout, "seconds that a connection may be idle"), 0.1, kLongest);
}

}  // namespace

Command add_serve(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("serve", "Answer HTTP requests with models: pictures, tensors, a page to draw on");
  const auto options = std::make_shared<ServeOptions>();
  ServeOptions& o = *options;
  app->add_option("--model", o.models,
                  "model file; give it again for further models. NAME is its name in addresses (default: the file's, "
                  "without ending); the same NAME again is a further version")
      ->type_name("[NAME=]FILE")
      ->default_str(kDefaultModel)
      ->allow_extra_args(false)
      ->take_all();
  app->add_option("--host", o.host, "IP address to listen on; 0.0.0.0 or :: for all networks")
      ->type_name("ADDRESS")
      ->default_str(o.host);
  integer(app->add_option("--port", o.port, "port to listen on; 0: a free one"), 0, 65'535);
  not_empty(app->add_option("--api-key-file", o.api_key_file,
                            "file whose first line clients must send as Authorization: Bearer KEY"))
      ->type_name("FILE");
  not_empty(app->add_option("--access-log", o.access_log, "append one line per request to this file; - for stdout"))
      ->type_name("FILE");
  add_limits(*app, o);
  add_device(*app, o.device);
  add_threads(*app, o.threads);
  app->footer(kAddresses);
  return {app, [options](const Context& context) { return run_serve(*options, context); }};
}

}  // namespace mnist::cli
