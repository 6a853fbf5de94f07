#include "mnist/serve/http_server.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <mutex>
#include <optional>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/text.hpp"

#include "connections.hpp"
#include "http_request.hpp"
#include "libevent_handles.hpp"
#include "sockets.hpp"

namespace mnist {
namespace {

EventBase make_base() {
  // Once for the whole process. Warnings, such as that of no free descriptor, would come thousands of times a second.
  static const bool has_threads = [] {
    event_set_log_callback([](int severity, const char* message) {
      if (severity == EVENT_LOG_ERR) std::fprintf(stderr, "error: libevent: %s\n", message);
    });
    return allow_threads();
  }();
  EventBase base(has_threads ? event_base_new() : nullptr);
  if (base == nullptr) throw Error(ErrorKind::internal, "libevent cannot start");
  return base;
}

sockaddr_storage address_of(const std::string& host, std::uint16_t port, int& size) {
  sockaddr_storage storage{};
  size = sizeof(storage);
  const bool is_v6 = host.find(':') != std::string::npos;
  const std::string address = host == "localhost" ? "127.0.0.1" : is_v6 ? fmt::format("[{}]", host) : host;
  if (evutil_parse_sockaddr_port(address.c_str(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    throw usage_error(fmt::format("--host {} is not an IP address", quoted_name(host)),
                      "give 127.0.0.1 for this machine only, 0.0.0.0 or :: for all networks");
  }
  set_port(storage, port);
  return storage;
}

}  // namespace

class HttpServer::Loop {
 public:
  Loop(const std::string& host, std::uint16_t port, const HttpLimits& limits, Handler handler)
      : limits_(limits),
        handler_(std::move(handler)),
        base_(make_base()),
        connections_(limits_, [this] { listen_if_room(); }),
        http_(evhttp_new(base_.get())) {
    wake_.reset(event_new(
        base_.get(), -1, EV_PERSIST, [](evutil_socket_t, short, void* self) { static_cast<Loop*>(self)->run_posted(); },
        this));
    sweep_.reset(event_new(
        base_.get(), -1, EV_PERSIST, [](evutil_socket_t, short, void* self) { static_cast<Loop*>(self)->sweep(); },
        this));
    if (http_ == nullptr || wake_ == nullptr || sweep_ == nullptr) throw std::bad_alloc();
    set_up_http();
    listen(host, port);
  }

  ~Loop() { http_.reset(); }  // closes the connections, while `connections_` and the loop exist

  std::uint16_t port() const { return port_; }
  std::size_t connections() {
    connections_.forget_closed();
    return connections_.count();
  }

  void on_signal(int signal, std::function<void()> action) {
    actions_.push_back(std::move(action));
    signals_.emplace_back(evsignal_new(
        base_.get(), signal,
        [](evutil_socket_t, short, void* function) { (*static_cast<std::function<void()>*>(function))(); },
        &actions_.back()));
    if (signals_.back() == nullptr) throw std::bad_alloc();
    event_add(signals_.back().get(), nullptr);
  }

  void run() {
    constexpr timeval kSweep{0, 100'000};
    event_add(sweep_.get(), &kSweep);
    event_base_loop(base_.get(), EVLOOP_NO_EXIT_ON_EMPTY);
    signals_.clear();  // restores the previous handlers
  }

  // From any thread.
  void post(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      posted_.push_back(std::move(work));
    }
    event_active(wake_.get(), EV_READ, 0);
  }

  void stop() {
    if (stopping_since_) return;
    // A later sweep stops listening: connections that the system has accepted are served.
    stopping_since_ = Connections::Clock::now();
  }

 private:
  void set_up_http() {
    evhttp_set_allowed_methods(http_.get(), EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                                                EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    // Reads the rest of a body that is too large before it answers, so that the client gets the answer.
    evhttp_set_flags(http_.get(), EVHTTP_SERVER_LINGERING_CLOSE);
    evhttp_set_default_content_type(http_.get(), nullptr);
    evhttp_set_max_headers_size(http_.get(), static_cast<ev_ssize_t>(limits_.header_bytes));
    evhttp_set_max_body_size(http_.get(), static_cast<ev_ssize_t>(limits_.body_bytes));
    evhttp_set_timeout(http_.get(), static_cast<int>(limits_.request_seconds + limits_.idle_seconds) + 1);
    evhttp_set_bevcb(
        http_.get(), [](event_base* base, void* self) { return static_cast<Loop*>(self)->connections_.make(base); },
        this);
    evhttp_set_gencb(
        http_.get(), [](evhttp_request* request, void* self) { static_cast<Loop*>(self)->receive(request); }, this);
  }

  void listen(const std::string& host, std::uint16_t port) {
    constexpr int kBacklog = 1024;
    int size = 0;
    sockaddr_storage address = address_of(host, port, size);
    listener_ = evconnlistener_new_bind(base_.get(), nullptr, nullptr,
                                        LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, kBacklog,
                                        reinterpret_cast<sockaddr*>(&address), size);
    const int error = EVUTIL_SOCKET_ERROR();
    if (listener_ == nullptr) {
      throw usage_error(
          fmt::format("cannot listen on {} port {}: {}", host, port, evutil_socket_error_to_string(error)),
          is_address_in_use(error) ? "another program uses the port: choose another with --port, or 0 for any"
                                   : "choose another --host or --port");
    }
    const evutil_socket_t socket = evconnlistener_get_fd(listener_);
    send_at_once(socket);
    port_ = port_of(socket);
    evconnlistener_set_error_cb(listener_,
                                [](evconnlistener*, void* self) { static_cast<Loop*>(self)->pause_accepting(); });
    bound_ = evhttp_bind_listener(http_.get(), listener_);  // owns the listener from now on
    if (bound_ == nullptr) throw std::bad_alloc();
  }

  void stop_listening() {
    if (bound_ == nullptr) return;
    evhttp_del_accept_socket(http_.get(), bound_);
    bound_ = nullptr;
    listener_ = nullptr;
  }

  // No descriptor is free, for example: try again at the next sweep, instead of at once and for ever.
  void pause_accepting() {
    is_accepting_ = false;
    listen_if_room();
  }

  // Further clients wait in the system's queue.
  void listen_if_room() {
    if (bound_ == nullptr) return;
    const bool room = is_accepting_ && connections_.count() < limits_.connections;
    if (room == listening_) return;
    listening_ = room;
    if (room) {
      evconnlistener_enable(listener_);
    } else {
      evconnlistener_disable(listener_);
    }
  }

  void receive(evhttp_request* request) {
    bufferevent* const events = evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
    connections_.enter(events, ConnectionPhase::working);
    HttpRequest whole = request_of(request);
    const bool closes = !whole.error.empty();
    const auto is_sent = std::make_shared<std::atomic_flag>();
    handler_(std::move(whole), [this, request, closes, is_sent](HttpReply reply) {
      if (is_sent->test_and_set()) return;  // libevent may have freed the request
      if (closes) reply.headers.emplace_back("Connection", "close");
      post([this, request, answer = std::move(reply)] { send(request, answer); });
    });
  }

  void send(evhttp_request* request, const HttpReply& reply) {
    evhttp_connection* const connection = evhttp_request_get_connection(request);
    evkeyvalq* const headers = evhttp_request_get_output_headers(request);
    if (!reply.type.empty()) evhttp_add_header(headers, "Content-Type", reply.type.c_str());
    for (const auto& [name, value] : reply.headers) evhttp_add_header(headers, name.c_str(), value.c_str());
    if (stopping_since_) evhttp_add_header(headers, "Connection", "close");
    evhttp_add_header(headers, "Content-Length", std::to_string(reply.body.size()).c_str());
    const bool has_body = evhttp_request_get_command(request) != EVHTTP_REQ_HEAD;
    const std::unique_ptr<evbuffer, FreeBy<evbuffer_free>> body(evbuffer_new());
    if (has_body) evbuffer_add(body.get(), reply.body.data(), reply.body.size());
    if (connection != nullptr) {
      connections_.enter(evhttp_connection_get_bufferevent(connection), ConnectionPhase::writing, reply.body.size());
      evhttp_request_set_on_complete_cb(
          request,
          [](evhttp_request* done, void* self) {
            if (evhttp_connection* const its = evhttp_request_get_connection(done)) {
              static_cast<Loop*>(self)->connections_.enter(evhttp_connection_get_bufferevent(its),
                                                           ConnectionPhase::idle);
            }
          },
          this);
    }
    evhttp_send_reply(request, reply.status, nullptr, body.get());  // frees the request if the client has gone
  }

  void run_posted() {
    std::deque<std::function<void()>> work;
    {
      const std::lock_guard lock(mutex_);
      work.swap(posted_);
    }
    for (const auto& one : work) one();
  }

  void sweep() {
    constexpr std::chrono::milliseconds kLastClients(100);  // whose connections are on their way
    const auto now = Connections::Clock::now();
    connections_.sweep(now, stopping_since_ ? &*stopping_since_ : nullptr);
    if (stopping_since_ && now - *stopping_since_ > kLastClients) stop_listening();
    is_accepting_ = true;
    listen_if_room();
    if (stopping_since_ && bound_ == nullptr && connections_.count() == 0) event_base_loopbreak(base_.get());
  }

  HttpLimits limits_;
  Handler handler_;
  EventBase base_;
  Connections connections_;
  std::mutex mutex_;
  std::deque<std::function<void()>> posted_;  // under mutex_
  Event wake_;
  Event sweep_;
  std::deque<std::function<void()>> actions_;  // of signals; their addresses stay
  std::vector<Event> signals_;
  Http http_;
  evconnlistener* listener_ = nullptr;    // owned by http_
  evhttp_bound_socket* bound_ = nullptr;  // owned by http_
  bool is_accepting_ = true;
  bool listening_ = true;
  std::uint16_t port_ = 0;
  std::optional<Connections::Clock::time_point> stopping_since_;
};

HttpServer::HttpServer(const std::string& host, std::uint16_t port, const HttpLimits& limits, Handler handler)
    : loop_(std::make_unique<Loop>(host, port, limits, std::move(handler))) {}

HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const {
  return loop_->port();
}

void HttpServer::on_signal(int signal, std::function<void()> action) {
  loop_->on_signal(signal, std::move(action));
}

void HttpServer::run() {
  loop_->run();
}

void HttpServer::stop() {
  loop_->post([loop = loop_.get()] { loop->stop(); });
}

std::size_t HttpServer::connections() const {
  return loop_->connections();
}

}  // namespace mnist
