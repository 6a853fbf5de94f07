#include "mnist/serve/model_server.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include <c10/util/Exception.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/memory.hpp"
#include "mnist/core/text.hpp"
#include "mnist/data/decoding_memory.hpp"

#include "draw_page.hpp"
#include "http_error.hpp"
#include "metadata.hpp"
#include "picture_request.hpp"
#include "tensor_protocol.hpp"
#include "workers.hpp"

namespace mnist {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Segments = std::vector<std::string_view>;

constexpr std::size_t kWaitingRequests = 1024;  // that are read and not yet decoded

// "/v2/models/digits" is v2, models, digits; at least one segment, which is empty for "/" and for no path.
Segments segments_of(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  Segments segments;
  for (;;) {
    const std::size_t end = path.find('/');
    segments.push_back(path.substr(0, end));
    if (end == std::string_view::npos) return segments;
    path.remove_prefix(end + 1);
  }
}

// For metrics: few values, whatever clients send.
std::string endpoint_of(const Segments& path) {
  if (path.size() == 1 && path[0].empty()) return "page";
  if (path.size() == 1 && (path[0] == "predict" || path[0] == "metrics")) return std::string(path[0]);
  if (path[0] != "v2") return "other";
  if (path.size() > 1 && path[1] == "health") return "health";
  return path.back() == "infer" ? "infer" : "metadata";
}

// Between the quotes of the access log.
std::string quotable(std::string_view target) {
  std::string text;
  while (!target.empty()) {
    const std::size_t special = std::min(target.find_first_of("\"\\"), target.size());
    text += printable(target.substr(0, special));
    if (special < target.size()) text += std::string("\\") + target[special];
    target.remove_prefix(std::min(special + 1, target.size()));
  }
  return text;
}

// In a time that does not tell where they differ.
bool equal_secrets(std::string_view one, std::string_view other) {
  unsigned difference = one.size() == other.size() ? 0 : 1;
  for (std::size_t i = 0; i < one.size() && i < other.size(); ++i) {
    difference |= static_cast<unsigned char>(one[i]) ^ static_cast<unsigned char>(other[i]);
  }
  return difference == 0;
}

void check_key(const HttpRequest& request, const std::string& key) {
  if (key.empty()) return;
  constexpr std::string_view kBearer = "bearer ";  // names of schemes have no case
  std::string given = request.header("x-api-key");
  const std::string authorization = request.header("authorization");
  if (lower_case(authorization.substr(0, kBearer.size())) == kBearer) given = authorization.substr(kBearer.size());
  if (equal_secrets(given, key)) return;
  throw HttpError(401, given.empty() ? "the request has no API key" : "the API key is wrong",
                  "send the header Authorization: Bearer KEY");
}

void check_method(const HttpRequest& request, std::string_view method) {
  const bool is_get = request.method == "GET" || request.method == "HEAD";
  if (method == "GET" ? is_get : request.method == method) return;
  throw HttpError(405, fmt::format("{} takes {} requests only", quoted_name(request.path), method))
      .with("Allow", method == "GET" ? "GET, HEAD" : std::string(method));
}

HttpError nothing_at(const HttpRequest& request) {
  return {404, fmt::format("there is nothing at {}", quoted_name(request.path)),
          "POST /predict takes a picture; GET /v2/models lists the models; GET / is a page to try them"};
}

HttpReply as_json(std::string text) {
  return {.body = std::move(text)};
}

}  // namespace

class ModelServer::Service {
 public:
  Service(ServerOptions options, const std::vector<ModelSource>& sources, ServedModels::Load load,
          const c10::Device& device)
      : options_(std::move(options)),
        page_(draw_page()),
        memory_(static_cast<int>(options_.threads)),
        http_(options_.host, options_.port, options_.http,
              [this](HttpRequest request, const HttpServer::Send& send) { receive(std::move(request), send); }),
        models_(sources, std::move(load), device, options_.batch, metrics_),
        workers_(options_.threads, kWaitingRequests) {}

  ~Service() {
    if (reloading_.joinable()) reloading_.join();
  }

  HttpServer& http() { return http_; }
  const ServedModels& models() const { return models_; }

  void stop() {
    stopping_ = true;
    http_.stop();
  }

  // A signal during a reload leads to another one after it.
  void reload() {
    if (reloads_++ > 0) return;
    if (reloading_.joinable()) reloading_.join();
    reloading_ = std::thread([this] {
      for (int seen = 0;;) {
        seen = reloads_;
        models_.reload(options_.tell);
        if (reloads_.compare_exchange_strong(seen, 0)) return;
      }
    });
  }

 private:
  // Answers with what `work` throws.
  template <typename Work>
  void guarded(const HttpServer::Send& answer, const Work& work) {
    try {
      work();
    } catch (const HttpError& error) {
      if (error.status() >= 500 && error.status() != 503) tell_failure(error.what());
      answer(error_reply(error));
    } catch (const Error& error) {
      fail(answer, 500, error.what(), error.hint());
    } catch (const std::bad_alloc&) {
      fail(answer, 503, "the server has too little memory for this request", "send a smaller one");
    } catch (const c10::OutOfMemoryError&) {
      fail(answer, 503, "the device has too little memory for this request", "send a smaller one");
    } catch (const std::exception& error) {
      fail(answer, 500, first_line(error.what()), "");
    }
  }

  void fail(const HttpServer::Send& answer, int status, const std::string& message, const std::string& hint) {
    tell_failure(message);
    answer(error_reply({status, message, hint}));
  }

  void tell_failure(const std::string& message) {
    {
      const std::lock_guard lock(failure_mutex_);
      const auto now = SteadyClock::now();
      if (message == last_failure_ && now - last_told_ < std::chrono::minutes(1)) return;
      last_failure_ = message;
      last_told_ = now;
    }
    options_.tell("a request failed: " + message, /*is_error=*/true);
  }

  void receive(HttpRequest request, const HttpServer::Send& send) {
    const auto start = SteadyClock::now();
    const std::string endpoint = endpoint_of(segments_of(request.path));
    std::string line;
    if (options_.access_log) line = access_line(request);
    const auto answer = [this, start, endpoint, line, send](HttpReply reply) {
      const double seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
      metrics_.request(endpoint, reply.status, seconds);
      if (options_.access_log) {
        options_.access_log(fmt::format("{} {} {} {:.4f}", line, reply.status, reply.body.size(), seconds));
      }
      send(std::move(reply));
    };
    guarded(answer, [&] { route(std::move(request), endpoint, answer); });
  }

  // In the Common Log Format, without status and size.
  static std::string access_line(const HttpRequest& request) {
    const std::time_t now = std::time(nullptr);
    return fmt::format("{} - - [{:%d/%b/%Y:%H:%M:%S +0000}] \"{} {} HTTP/1.1\"", request.peer, fmt::gmtime(now),
                       request.method, quotable(request.target));
  }

  void route(HttpRequest request, const std::string& endpoint, const HttpServer::Send& answer) {
    if (!request.error.empty()) throw bad_request(request.error);
    const Segments path = segments_of(request.path);
    if (endpoint == "page") return page(request, answer);
    if (endpoint == "health") return health(request, path, answer);
    check_key(request, options_.api_key);
    if (endpoint == "predict") return predict(std::move(request), answer);
    if (endpoint == "metrics") return metrics(request, answer);
    if (path[0] != "v2") throw nothing_at(request);
    if (path.size() > 2 && path[1] == "models") return model(std::move(request), answer);
    if (request.path == "/v2/repository/index") {
      check_method(request, "POST");
      return answer(as_json(repository_index(models_.all())));
    }
    if (request.path != "/v2" && request.path != "/v2/" && request.path != "/v2/models") {
      throw nothing_at(request);
    }
    check_method(request, "GET");
    answer(as_json(request.path == "/v2/models" ? model_list(models_.all()) : server_metadata()));
  }

  void page(const HttpRequest& request, const HttpServer::Send& answer) const {
    check_method(request, "GET");
    answer({.type = "text/html; charset=utf-8",
            .body = page_.html,
            .headers = {{"Content-Security-Policy", page_.content_security_policy},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Referrer-Policy", "no-referrer"},
                        {"Cache-Control", "no-cache"}}});
  }

  void health(const HttpRequest& request, const Segments& path, const HttpServer::Send& answer) const {
    check_method(request, "GET");
    const bool is_live = path.size() == 3 && path[2] == "live";
    const bool is_ready = path.size() == 3 && path[2] == "ready";
    if (!is_live && !is_ready) throw nothing_at(request);
    if (is_ready && stopping_) throw HttpError(503, "the server stops");
    answer({.type = ""});
  }

  void metrics(const HttpRequest& request, const HttpServer::Send& answer) const {
    check_method(request, "GET");
    std::string text = metrics_.text() + model_metrics(models_.all());
    const auto add = [&](const char* name, const char* help, std::uint64_t value) {
      text += metric_heading(name, "gauge", help) + fmt::format("{} {}\n", name, value);
    };
    add("mnist_connections", "Open connections.", http_.connections());
    add("process_start_time_seconds", "Start of the server, in seconds since 1970.",
        static_cast<std::uint64_t>(started_));
    if (const auto memory = resident_memory()) add("process_resident_memory_bytes", "RAM of the server.", *memory);
    answer({.type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(text)});
  }

  // `name` empty: the first model; `version` empty: its newest.
  std::shared_ptr<ServedModel> model_named(const std::string& name, const std::string& version) const {
    constexpr std::size_t kMostDigits = 9;
    const bool is_number =
        version.size() <= kMostDigits && version.find_first_not_of("0123456789") == std::string::npos;
    const std::string wanted = name.empty() ? models_.all().front()->facts()->source.name : name;
    auto found = is_number ? models_.find(wanted, version.empty() ? 0 : std::atoi(version.c_str())) : nullptr;
    if (found != nullptr && version != "0") return found;
    if (models_.find(wanted) == nullptr) {
      throw HttpError(404, fmt::format("there is no model {}", quoted_name(wanted)), "GET /v2/models lists the models");
    }
    throw HttpError(404, fmt::format("the model {} has no version {}", wanted, quoted_name(version)),
                    fmt::format("GET /v2/models/{} lists its versions", wanted));
  }

  // /v2/models/M, with /versions/V or not, with /ready or /infer or not
  void model(HttpRequest request, const HttpServer::Send& answer) {
    Segments path = segments_of(request.path);
    const bool has_action = path.size() > 3 && (path.back() == "infer" || path.back() == "ready");
    const std::string what(has_action ? path.back() : "");
    if (!what.empty()) path.pop_back();
    const bool has_version = path.size() == 5 && path[3] == "versions" && !path[4].empty();
    if ((path.size() != 3 && !has_version) || path[2].empty()) {
      throw nothing_at(request);
    }
    const auto found = model_named(std::string(path[2]), has_version ? std::string(path[4]) : "");
    if (what == "infer") {
      check_method(request, "POST");
      return infer(std::move(request), found, answer);
    }
    check_method(request, "GET");
    answer(what == "ready" ? HttpReply{.type = ""} : as_json(model_metadata(*found->facts(), models_.all())));
  }

  // Runs `work` in another thread.
  void later(const HttpServer::Send& answer, std::function<void()> work) {
    if (workers_.add([this, answer, work = std::move(work)] { guarded(answer, work); })) return;
    throw HttpError(503, "too many requests wait", "try again");
  }

  // Runs the network, and answers with what `reply` makes of its output.
  void run_network(const std::shared_ptr<ServedModel>& model, torch::Tensor pixels, const HttpServer::Send& answer,
                   std::function<HttpReply(const torch::Tensor&)> reply) {
    const bool is_taken = model->submit(
        std::move(pixels),
        [this, answer, reply = std::move(reply)](const torch::Tensor& logits, const std::exception_ptr& error) {
          guarded(answer, [&] {
            if (error) std::rethrow_exception(error);
            answer(reply(logits));
          });
        });
    if (!is_taken) throw HttpError(503, "too many images wait for the network", "try again");
  }

  void infer(HttpRequest request, const std::shared_ptr<ServedModel>& model, const HttpServer::Send& answer) {
    const auto submit = [this, model, answer](InferCall parsed) {
      const std::shared_ptr<const ModelFacts> facts = model->facts();
      const auto call = std::make_shared<const InferCall>(std::move(parsed));
      run_network(model, call->pixels, answer, [facts, call](const torch::Tensor& logits) {
        return infer_reply(*call, facts->source.name, std::to_string(facts->source.version), facts->recipe, logits);
      });
    };
    if (auto call = parse_quick_infer(request, model->facts()->recipe.preprocessing)) return submit(*std::move(call));
    later(answer, [request = std::move(request), model, submit] {
      submit(parse_infer(request, model->facts()->recipe.preprocessing));
    });
  }

  void predict(HttpRequest request, const HttpServer::Send& answer) {
    check_method(request, "POST");
    const PredictOptions options = predict_options(request);
    for (const char* name : {"model", "version"}) {
      if (request.query.contains(name) && request.parameter(name).empty())
        throw bad_request(fmt::format("{} is empty", name));
    }
    const auto model = model_named(request.parameter("model"), request.parameter("version"));
    later(answer, [this, whole = std::make_shared<HttpRequest>(std::move(request)), options, model, answer] {
      const auto pictures = std::make_shared<const PictureRequest>(*whole, options, model->facts(), memory_);
      torch::Tensor pixels = pictures->pixels();
      if (!pixels.defined()) return answer(pictures->reply({}));
      run_network(model, std::move(pixels), answer,
                  [pictures](const torch::Tensor& logits) { return pictures->reply(logits); });
    });
  }

  const ServerOptions options_;
  const DrawPage page_;
  const std::time_t started_ = std::time(nullptr);
  Metrics metrics_;
  DecodingMemory memory_;
  std::atomic<bool> stopping_ = false;
  std::mutex failure_mutex_;
  std::string last_failure_;           // under failure_mutex_
  SteadyClock::time_point last_told_;  // under failure_mutex_
  // In this order: what is destroyed first still answers by what is above it.
  HttpServer http_;
  ServedModels models_;
  Workers workers_;
  std::atomic<int> reloads_ = 0;  // that were requested and are not done
  std::thread reloading_;
};

ModelServer::ModelServer(ServerOptions options, const std::vector<ModelSource>& sources, ServedModels::Load load,
                         const c10::Device& device)
    : service_(std::make_unique<Service>(std::move(options), sources, std::move(load), device)) {}

ModelServer::~ModelServer() = default;

std::uint16_t ModelServer::port() const {
  return service_->http().port();
}

std::vector<std::shared_ptr<ServedModel>> ModelServer::models() const {
  return service_->models().all();
}

void ModelServer::on_signal(int signal, std::function<void()> action) {
  service_->http().on_signal(signal, std::move(action));
}

void ModelServer::run() {
  service_->http().run();
}

void ModelServer::stop() {
  service_->stop();
}

void ModelServer::reload() {
  service_->reload();
}

}  // namespace mnist
