// A client for tests of the server on this machine, which can also send what no well-behaved client sends.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace mnist::test {

struct HttpAnswer {
  int status = 0;                              // 0: the connection ended without an answer; -1: nothing came
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class HttpClient {
 public:
  // Connects to 127.0.0.1; fails the test if it cannot.
  explicit HttpClient(std::uint16_t port);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any bytes. Returns false if the server has closed the connection, or takes nothing for five seconds.
  bool send(const std::string& bytes);

  // Tells the server that nothing follows.
  void finish();

  // The next answer. `has_body`: false for HEAD.
  HttpAnswer answer(bool has_body = true);

  // Whether bytes come within that time.
  bool has_answer(std::chrono::milliseconds within) const;

  // Whether the server closes the connection within that time. Drops what it sends.
  bool is_closed(std::chrono::milliseconds within);

 private:
  enum class Received { bytes, end, nothing };
  Received receive();

  int socket_ = -1;
  std::string received_;
};

// A whole request with its Content-Length.
std::string request_text(const std::string& method, const std::string& target, const std::string& body = "",
                         const std::map<std::string, std::string>& headers = {});

// One request on a connection of its own.
HttpAnswer ask(std::uint16_t port, const std::string& method, const std::string& target, const std::string& body = "",
               const std::map<std::string, std::string>& headers = {});

}  // namespace mnist::test
