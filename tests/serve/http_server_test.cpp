// The HTTP server: what it answers to clients that keep to the protocol, and how it ends those that do not.
#include "mnist/serve/http_server.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/core/signals.hpp"

#include "support/http_client.hpp"

namespace mnist::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Answers with what it received: "GET /path body".
class Server {
 public:
  explicit Server(const HttpLimits& limits = {})
      : server_("127.0.0.1", 0, limits,
                [this](const HttpRequest& request, const HttpServer::Send& send) { answer(request, send); }),
        thread_([this] {
          ignore_closed_pipes();
          server_.run();
        }) {}
  ~Server() {
    if (thread_.joinable()) stop();
  }

  std::uint16_t port() const { return server_.port(); }

  // Waits until it has ended.
  void stop() {
    server_.stop();
    is_released_ = true;
    thread_.join();
    release();
  }

  // Answers to /wait wait for this.
  void release() {
    is_released_ = true;
    const std::lock_guard lock(mutex_);
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  int waiting() const { return waiting_; }

  // As the server itself counts them, with that of the question.
  int connections() const { return std::stoi(ask(port(), "GET", "/connections").body); }

 private:
  void answer(const HttpRequest& request, const HttpServer::Send& send) {
    if (!request.error.empty()) return send({.status = 400, .body = request.error});
    if (request.path == "/big") return send({.body = std::string(std::size_t{32} << 20, 'b')});
    if (request.path == "/connections") return send({.body = std::to_string(server_.connections())});
    const std::string text = request.method + " " + request.path + " " + request.body;
    if (request.path != "/wait") return send({.type = "text/plain", .body = text});
    const std::lock_guard lock(mutex_);
    threads_.emplace_back([this, send, text] {
      while (!is_released_) std::this_thread::sleep_for(1ms);
      send({.type = "text/plain", .body = text});
      send({.type = "text/plain", .body = "a second answer, which is not sent"});
    });
    ++waiting_;
  }

  std::atomic<bool> is_released_ = false;
  std::atomic<int> waiting_ = 0;
  std::mutex mutex_;
  std::vector<std::thread> threads_;  // under mutex_
  HttpServer server_;
  std::thread thread_;
};

TEST(HttpServer, AnswersSeveralRequestsOnOneConnection) {
  Server server;
  HttpClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    const std::string body = "body " + std::to_string(i);
    client.send(request_text("POST", "/a%20b?x=1", body));
    const HttpAnswer answer = client.answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "POST /a b " + body);
    EXPECT_EQ(answer.headers.at("content-type"), "text/plain");
  }
}

TEST(HttpServer, AnswersRequestsThatCameTogetherInTheirOrder) {
  Server server;
  HttpClient client(server.port());
  client.send(request_text("GET", "/1") + request_text("POST", "/2", "two") + request_text("GET", "/3"));
  EXPECT_EQ(client.answer().body, "GET /1 ");
  EXPECT_EQ(client.answer().body, "POST /2 two");
  EXPECT_EQ(client.answer().body, "GET /3 ");
}

TEST(HttpServer, TakesChunkedBodiesAndSaysThatItContinues) {
  Server server;
  HttpClient client(server.port());
  client.send("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(client.answer().body, "POST /c abcde");
  client.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.answer().status, 100);
  client.send("ok");
  EXPECT_EQ(client.answer().body, "POST /e ok");
}

TEST(HttpServer, HeadHasTheLengthWithoutTheBody) {
  Server server;
  HttpClient client(server.port());
  client.send(request_text("HEAD", "/h"));
  EXPECT_EQ(client.answer(/*has_body=*/false).headers.at("content-length"), "8");
  client.send(request_text("GET", "/g"));
  EXPECT_EQ(client.answer().body, "GET /g ");
}

TEST(HttpServer, ClosesAfterTheAnswerIfTheClientWantsIt) {
  Server server;
  for (const char* request : {"GET /x HTTP/1.0\r\n\r\n", "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"}) {
    HttpClient client(server.port());
    client.send(request);
    EXPECT_EQ(client.answer().body, "GET /x ");
    EXPECT_TRUE(client.is_closed(5s));
  }
}

TEST(HttpServer, LimitsBodiesAndHeaders) {
  Server server({.body_bytes = 1000, .header_bytes = 2000});
  EXPECT_EQ(ask(server.port(), "POST", "/x", std::string(1000, 'x')).status, 200);
  EXPECT_EQ(ask(server.port(), "POST", "/x", std::string(1001, 'x')).status, 413);
  EXPECT_EQ(ask(server.port(), "GET", "/x", "", {{"Long", std::string(5000, 'x')}}).status, 400);
  EXPECT_EQ(ask(server.port(), "GET", "/x").status, 200);
}

TEST(HttpServer, AnswersWhatIsNotHttpWithAnError) {
  Server server;
  for (const char* text : {"hello\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
                           "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "\x16\x03\x01\x02\x01\r\n\r\n"}) {
    HttpClient client(server.port());
    client.send(text);
    const int status = client.answer().status;
    EXPECT_EQ(status, 400) << text;
  }
  EXPECT_EQ(ask(server.port(), "GET", "/x").status, 200);
}

// A proxy in front may read such a request otherwise, and take its rest for the next one.
TEST(HttpServer, RejectsRequestsWithUnclearEnds) {
  Server server;
  for (const char* headers :
       {"Content-Length: 3\r\nContent-Length: 4", "Content-Length: +3", "Content-Length: 3, 3",
        "Content-Length: 3\r\nTransfer-Encoding: chunked", "Transfer-Encoding: gzip", "Content-Length : 3"}) {
    HttpClient client(server.port());
    client.send(std::string("POST /x HTTP/1.1\r\nHost: x\r\n") + headers + "\r\n\r\nabc\r\n0\r\n\r\n");
    EXPECT_EQ(client.answer().status, 400) << headers;
    EXPECT_EQ(client.answer().status, 0) << headers;  // and no second answer
  }
  for (const char* headers : {"Content-Length: 4", "Transfer-Encoding: chunked"}) {
    HttpClient client(server.port());
    client.send(std::string("HEAD /x HTTP/1.1\r\nHost: x\r\n") + headers +
                "\r\n\r\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.answer(/*has_body=*/false).status, 400) << headers;
    EXPECT_EQ(client.answer().status, 0) << headers;
  }
  for (const char* hosts : {"", "Host: a\r\nHost: b\r\n"}) {
    HttpClient client(server.port());
    client.send(std::string("GET /x HTTP/1.1\r\n") + hosts + "\r\n");
    EXPECT_EQ(client.answer().status, 400) << hosts;
  }
}

// What it reads of a client that takes no answers must not fill the memory.
TEST(HttpServer, ReadsLittleOfFurtherRequestsBeforeAnAnswerIsTaken) {
  Server server({.received_bytes = std::size_t{40} << 20, .request_seconds = 1});
  HttpClient greedy(server.port());
  greedy.send(request_text("GET", "/big"));  // 32 MiB
  ASSERT_TRUE(greedy.has_answer(20s));
  std::thread sending([&] { greedy.send(std::string(std::size_t{16} << 20, 'x')); });
  std::this_thread::sleep_for(300ms);
  HttpClient other(server.port());
  other.send(request_text("POST", "/x", std::string(std::size_t{6} << 20, 'y')));
  EXPECT_EQ(other.answer().status, 200);  // its bytes have room beside those of the greedy one
  EXPECT_TRUE(greedy.is_closed(20s));
  sending.join();
}

// libevent would wait for ever for the end of such a line, and read no further.
TEST(HttpServer, EndsRequestsWithEndlessLines) {
  Server server({.body_bytes = 100'000});
  const std::string begin = "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 3; ++i) {
    HttpClient client(server.port());
    client.send(begin + std::string(400'000, '1'));
    EXPECT_TRUE(client.is_closed(5s));
  }
  EXPECT_EQ(ask(server.port(), "GET", "/x").status, 200);
  while (server.connections() > 1) std::this_thread::sleep_for(10ms);  // else the time limit of the test
}

TEST(HttpServer, EndsRequestsThatTakeTooLong) {
  Server server({.request_seconds = 0.3, .idle_seconds = 60});
  for (const char* begin : {"GET /slow HTT", "POST /slow HTTP/1.1\r\nContent-Length: 100\r\n\r\nsome"}) {
    HttpClient client(server.port());
    client.send(begin);
    // A byte now and then does not help.
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < 10s && client.send("x") && !client.is_closed(50ms)) {
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  }
  HttpClient slow(server.port());
  slow.send("GET /slow HTT");
  EXPECT_EQ(slow.answer().status, 408);
}

TEST(HttpServer, EndsIdleConnections) {
  Server server({.request_seconds = 60, .idle_seconds = 0.3});
  HttpClient silent(server.port());
  HttpClient used(server.port());
  used.send(request_text("GET", "/x"));
  EXPECT_EQ(used.answer().status, 200);
  EXPECT_TRUE(silent.is_closed(5s));
  EXPECT_TRUE(used.is_closed(5s));
}

TEST(HttpServer, KeepsAConnectionWhileItsAnswerIsMade) {
  Server server({.request_seconds = 0.2, .idle_seconds = 0.2});
  HttpClient client(server.port());
  client.send(request_text("GET", "/wait"));
  std::this_thread::sleep_for(600ms);
  server.release();
  EXPECT_EQ(client.answer().body, "GET /wait ");
}

TEST(HttpServer, FurtherClientsWaitForAPlace) {
  Server server({.connections = 2, .request_seconds = 0.5});
  HttpClient slow(server.port());
  HttpClient other(server.port());
  slow.send("GET /");
  other.send("GET /");
  std::this_thread::sleep_for(100ms);
  HttpClient third(server.port());
  third.send(request_text("GET", "/x"));
  EXPECT_FALSE(third.has_answer(200ms));
  EXPECT_EQ(third.answer().status, 200);  // after the slow ones have ended
}

TEST(HttpServer, LimitsWhatAllRequestsHaveInMemory) {
  Server server({.received_bytes = 100'000});
  HttpClient first(server.port());
  first.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n" + std::string(80'000, 'x'));
  std::this_thread::sleep_for(100ms);
  HttpClient second(server.port());
  second.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n" + std::string(80'000, 'x'));
  EXPECT_TRUE(second.is_closed(5s));
  first.send(std::string(10'000, 'x'));
  EXPECT_EQ(first.answer().status, 200);
  EXPECT_EQ(ask(server.port(), "POST", "/x", std::string(80'000, 'x')).status, 200);
}

TEST(HttpServer, ClientsThatGoDoNotMatter) {
  Server server;
  for (int i = 0; i < 20; ++i) {
    HttpClient client(server.port());
    client.send(request_text("GET", "/wait"));
    if (i % 2 == 0) client.send("GET /more");
  }
  while (server.waiting() < 20) std::this_thread::sleep_for(1ms);
  server.release();
  EXPECT_EQ(ask(server.port(), "GET", "/x").status, 200);
}

TEST(HttpServer, AnswersWhatItHasBeforeItStops) {
  Server server;
  HttpClient waiting(server.port());
  HttpClient idle(server.port());
  HttpClient late(server.port());
  waiting.send(request_text("GET", "/wait"));
  for (HttpClient* client : {&idle, &late}) {
    client->send(request_text("GET", "/x"));
    EXPECT_EQ(client->answer().status, 200);
  }
  while (server.waiting() < 1) std::this_thread::sleep_for(1ms);
  std::thread stopping([&] { server.stop(); });
  late.send(request_text("GET", "/late"));  // a request that was on its way
  const HttpAnswer last = late.answer();
  EXPECT_EQ(last.body, "GET /late ");
  EXPECT_EQ(waiting.answer().body, "GET /wait ");
  EXPECT_TRUE(idle.is_closed(5s));
  stopping.join();
}

void expect_usage_error(const std::string& host, std::uint16_t port, const std::string& message) {
  try {
    const HttpServer server(host, port, {}, [](const HttpRequest&, const HttpServer::Send&) {});
    ADD_FAILURE() << "no error: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr(message));
  }
}

TEST(HttpServer, TellsWhyItCannotListen) {
  const Server server;
  expect_usage_error("example.org", 0, "--host 'example.org' is not an IP address");
  expect_usage_error("", 0, "--host '' is not an IP address");
  expect_usage_error("127.0.0.1:80", 0, "is not an IP address");
  expect_usage_error("1.2.3", 0, "is not an IP address");
  expect_usage_error("127.0.0.1", server.port(), "Address already in use");
  expect_usage_error("192.0.2.1", 0, "Cannot assign requested address");
}

TEST(HttpServer, ListensOnVersion6) {
  try {
    const HttpServer server("::1", 0, {}, [](const HttpRequest&, const HttpServer::Send&) {});
    EXPECT_GT(server.port(), 0);
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
}

}  // namespace
}  // namespace mnist::test
