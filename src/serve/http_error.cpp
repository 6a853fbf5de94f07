#include "http_error.hpp"

#include <nlohmann/json.hpp>

#include "mnist/predict/prediction.hpp"

namespace mnist {

HttpError not_finite_error(const std::string& model) {
  return {500, "the model " + model + " gives numbers that are not finite",
          "its weights are damaged, or its training diverged: serve another model file"};
}

HttpReply error_reply(const HttpError& error) {
  nlohmann::ordered_json object;
  object["error"] = error.what();
  if (!error.hint().empty()) object["hint"] = error.hint();
  HttpReply reply{.status = error.status(), .body = json_text(object) + "\n", .headers = error.headers()};
  if (error.status() == 503) reply.headers.emplace_back("Retry-After", "1");
  if (error.status() == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

}  // namespace mnist
