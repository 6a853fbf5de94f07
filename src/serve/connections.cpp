#include "connections.hpp"

#include <algorithm>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/util.h>
#include <string_view>
#include <utility>

#include "sockets.hpp"

namespace mnist {
namespace {

// Of the next requests, while an answer is made and sent.
constexpr std::size_t kAhead = std::size_t{64} << 10;

}  // namespace

struct Connections::Connection {
  Connections* owner;
  bufferevent* events = nullptr;
  ConnectionPhase phase = ConnectionPhase::idle;
  Clock::time_point since = Clock::now();  // of the phase
  std::size_t bytes = 0;                   // of the request without an answer, and of the answer
  bool is_ended = false;                   // its socket is shut down
};

Connections::Connections(const HttpLimits& limits, std::function<void()> changed)
    : limits_(limits), changed_(std::move(changed)) {}

Connections::~Connections() {
  for (const auto& [events, connection] : open_) bufferevent_decref(events);
}

bufferevent* Connections::make(event_base* base) {
  bufferevent* const events = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
  if (events == nullptr) return nullptr;
  auto connection = std::make_unique<Connection>(Connection{this, events});
  evbuffer_add_cb(bufferevent_get_input(events), received, connection.get());
  open_.emplace(events, std::move(connection));
  bufferevent_incref(events);
  changed_();
  return events;
}

void Connections::received(evbuffer* input, const evbuffer_cb_info* change, void* context) {
  Connection& connection = *static_cast<Connection*>(context);
  if (change->n_added == 0 || connection.is_ended) return;
  Connections& all = *connection.owner;
  if (connection.phase == ConnectionPhase::idle) all.enter(connection.events, ConnectionPhase::reading);
  connection.bytes += change->n_added;
  all.bytes_ += change->n_added;
  // At the mark, libevent would stop reading, and wait for ever for the end of a line.
  const bool is_full = connection.phase == ConnectionPhase::reading && evbuffer_get_length(input) >= all.most_input();
  if (is_full || all.bytes_ > all.limits_.received_bytes) all.end(connection);
}

std::size_t Connections::most_input() const {
  return limits_.body_bytes + limits_.header_bytes + kAhead;
}

// Shutting the socket down lets libevent close the connection in its own way, if it reads and so sees the end. The
// connection's bytes no longer count.
void Connections::end(Connection& connection) {
  connection.is_ended = true;
  bytes_ -= std::exchange(connection.bytes, 0);
  bufferevent_setwatermark(connection.events, EV_READ, 0, 0);
  shut_down(bufferevent_getfd(connection.events));
}

// The server frees a connection without callbacks; the reference here is the last one then.
void Connections::forget_closed() {
  const std::size_t before = open_.size();
  for (auto entry = open_.begin(); entry != open_.end();) {
    bufferevent_event_cb callback = nullptr;
    bufferevent_getcb(entry->first, nullptr, nullptr, &callback, nullptr);
    if (callback != nullptr) {
      ++entry;
      continue;
    }
    bytes_ -= entry->second->bytes;
    evbuffer_remove_cb(bufferevent_get_input(entry->first), received, entry->second.get());
    bufferevent_decref(entry->first);
    entry = open_.erase(entry);
  }
  if (open_.size() != before) changed_();
}

void Connections::enter(bufferevent* connection, ConnectionPhase phase, std::size_t bytes) {
  const auto found = open_.find(connection);
  if (found == open_.end()) return;
  if (found->second->is_ended) return;
  const bool reads = phase == ConnectionPhase::idle || phase == ConnectionPhase::reading;
  bufferevent_setwatermark(connection, EV_READ, 0, reads ? most_input() : kAhead);
  Connection& entry = *found->second;
  entry.phase = phase;
  entry.since = Clock::now();
  if (phase == ConnectionPhase::idle) {
    bytes_ -= std::exchange(entry.bytes, 0);
    bytes = evbuffer_get_length(bufferevent_get_input(connection));  // of the next request
    if (bytes > 0) entry.phase = ConnectionPhase::reading;
  }
  entry.bytes += bytes;
  bytes_ += bytes;
}

double Connections::allowed_seconds(const Connection& connection, const Clock::time_point* stopping_since) const {
  constexpr double kIdleWhileStopping = 0.5;  // a request may be on its way
  constexpr double kIdleIfFull = 1;           // others wait
  switch (connection.phase) {
    case ConnectionPhase::idle:
      if (stopping_since != nullptr) return kIdleWhileStopping;
      return open_.size() >= limits_.connections ? std::min(kIdleIfFull, limits_.idle_seconds) : limits_.idle_seconds;
    case ConnectionPhase::reading:
    case ConnectionPhase::writing:
      return limits_.request_seconds;
    case ConnectionPhase::working:
      break;
  }
  return std::chrono::duration<double>(Clock::duration::max()).count();
}

void Connections::sweep(Clock::time_point now, const Clock::time_point* stopping_since) {
  constexpr std::string_view kTimeout =
      "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: "
      "38\r\n\r\n"
      "{\"error\":\"the request took too long\"}\n";
  forget_closed();
  for (const auto& [events, connection] : open_) {
    auto since = connection->since;
    if (connection->phase == ConnectionPhase::idle && stopping_since != nullptr) {
      since = std::max(since, *stopping_since);
    }
    if (std::chrono::duration<double>(now - since).count() < allowed_seconds(*connection, stopping_since)) continue;
    const evutil_socket_t socket = bufferevent_getfd(events);
    if (socket < 0 || connection->is_ended) continue;
    if (connection->phase == ConnectionPhase::reading) {
      // Does not block: the socket is not of that kind. The process ignores SIGPIPE.
      (void)::send(socket, kTimeout.data(), kTimeout.size(), 0);
    }
    end(*connection);
  }
}

}  // namespace mnist
