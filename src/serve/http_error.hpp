// An answer other than 200, as an exception; and what is common to answers.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mnist/serve/http_server.hpp"

namespace mnist {

// What is wrong with a request: one line without full stop, as messages of `Error` are.
class HttpError : public std::runtime_error {
 public:
  HttpError(int status, const std::string& message, std::string hint = "")
      : std::runtime_error(message), status_(status), hint_(std::move(hint)) {}

  // With one more header in the answer.
  HttpError with(std::string name, std::string value) && {
    headers_.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
  }

  int status() const { return status_; }
  const std::string& hint() const { return hint_; }
  const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }

 private:
  int status_;
  std::string hint_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

inline HttpError bad_request(const std::string& message, std::string hint = "") {
  return {400, message, std::move(hint)};
}

// The model gave NaN or an infinity.
HttpError not_finite_error(const std::string& model);

// {"error": message} and the hint, if there is one. 503 has Retry-After, 401 what is needed.
HttpReply error_reply(const HttpError& error);

}  // namespace mnist
