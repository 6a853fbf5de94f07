// An HTTP/1.1 server on libevent: reads whole requests, gives them to a handler, and sends the answers, which may come
// from other threads. Slow, broken and hostile clients cost bounded memory and time and do not hold up others.
//
// Not for TLS (put a proxy in front), nor for bodies that do not fit into memory. Needs a thread of its own, that of
// `run`, and a process that ignores SIGPIPE (`ignore_closed_pipes`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mnist {

struct HttpRequest {
  std::string method;                          // "GET"
  std::string path;                            // percent-decoded, without the query; may have any bytes
  std::string target;                          // as sent, for the access log
  std::map<std::string, std::string> query;    // decoded; of equal names the last one
  std::map<std::string, std::string> headers;  // names in lower case; of equal names the last one
  std::string body;
  std::string peer;  // address of the client
  // Not empty: a proxy may read the request otherwise, and take its end for the next one (RFC 9112, 6.3). Answer with
  // status 400 and this; the connection ends then.
  std::string error;

  // The value of a header, whose name is in lower case, or of the query; empty if it is not there.
  std::string header(const std::string& name) const { return value_in(headers, name); }
  std::string parameter(const std::string& name) const { return value_in(query, name); }

 private:
  static std::string value_in(const std::map<std::string, std::string>& values, const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? "" : found->second;
  }
};

struct HttpReply {
  int status = 200;
  std::string type = "application/json";  // Content-Type; empty: none
  std::string body;                       // omitted in the answer to HEAD
  std::vector<std::pair<std::string, std::string>> headers = {};
};

struct HttpLimits {
  std::size_t body_bytes = std::size_t{16} << 20;       // of one request, else 413
  std::size_t header_bytes = std::size_t{16} << 10;     // of one request, else 400
  std::size_t received_bytes = std::size_t{512} << 20;  // of all requests and answers; the next bytes end their request
  std::size_t connections = 1024;                       // further clients wait until one ends
  double request_seconds = 10;                          // to send a whole request, and to take an answer
  double idle_seconds = 60;                             // without a request
};

class HttpServer {
 public:
  // Sends the answer to one request; further calls do nothing. From any thread; also after the client has gone.
  using Send = std::function<void(HttpReply)>;
  // Called in the thread of `run`, so it must not wait. It must not throw.
  using Handler = std::function<void(HttpRequest, const Send&)>;

  // Listens on `host` (an IPv4 or IPv6 address, or "localhost") and `port`; 0: a free one. Throws a usage `Error` if
  // the address is invalid or in use.
  HttpServer(const std::string& host, std::uint16_t port, const HttpLimits& limits, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;

  // While `run` is active, the signal calls `action` in its thread. Call it before `run`.
  void on_signal(int signal, std::function<void()> action);

  // Serves until `stop` has been called and all requests are answered.
  void run();

  // From any thread: accepts no further connections; connections end after their next answer, idle ones after half a
  // second. A second call changes nothing.
  void stop();

  // Open ones. In the thread of `run`.
  std::size_t connections() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace mnist
