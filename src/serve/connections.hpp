// The open connections of the server, and how long each may take. libevent's HTTP server has no total time for a
// request: a client that sends a byte a second would keep its connection forever. Nor does it tell when it closes a
// connection that never sent a whole request: so this object keeps a reference to each, and looks.
#pragma once

#include <chrono>
#include <cstddef>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <functional>
#include <memory>
#include <unordered_map>

#include "mnist/serve/http_server.hpp"

namespace mnist {

enum class ConnectionPhase { idle, reading, working, writing };

class Connections {
 public:
  using Clock = std::chrono::steady_clock;

  // `changed`: called if the number of connections has changed.
  Connections(const HttpLimits& limits, std::function<void()> changed);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // A connection for libevent's HTTP server, which owns it; nullptr without memory. Does not yet have a socket.
  bufferevent* make(event_base* base);

  // `connection`: one of `make`. Idle: its request is answered. `bytes`: of the answer, for writing.
  void enter(bufferevent* connection, ConnectionPhase phase, std::size_t bytes = 0);

  // Forgets those that libevent has closed.
  void forget_closed();

  // Forgets those that libevent has closed, and ends those that took too long. `stopping_since`: when the server was
  // stopped, if it was.
  void sweep(Clock::time_point now, const Clock::time_point* stopping_since);

  // Open ones, exactly only after a sweep.
  std::size_t count() const { return open_.size(); }

 private:
  struct Connection;

  // Bytes that a connection may have in its input buffer while it sends a request.
  std::size_t most_input() const;
  void end(Connection& connection);
  static void received(evbuffer* input, const evbuffer_cb_info* change, void* context);
  double allowed_seconds(const Connection& connection, const Clock::time_point* stopping_since) const;

  const HttpLimits& limits_;
  std::function<void()> changed_;
  std::unordered_map<bufferevent*, std::unique_ptr<Connection>> open_;
  std::size_t bytes_ = 0;  // of requests without an answer, and of answers
};

}  // namespace mnist
