#include "support/http_client.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "mnist/core/text.hpp"

namespace mnist::test {
namespace {

constexpr int kPatience = 20'000;  // milliseconds for an answer

std::map<std::string, std::string> headers_of(const std::string& head) {
  std::map<std::string, std::string> headers;
  for (std::size_t at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at)) {
    at += 2;
    const std::size_t colon = head.find(": ", at);
    if (colon == std::string::npos) break;
    const std::size_t end = std::min(head.find("\r\n", colon), head.size());
    headers[lower_case(head.substr(at, colon - at))] = head.substr(colon + 2, end - colon - 2);
  }
  return headers;
}

}  // namespace

HttpClient::HttpClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{5, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ADD_FAILURE() << "cannot connect to port " << port;
  }
}

HttpClient::~HttpClient() {
  ::close(socket_);
}

bool HttpClient::send(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t sent = ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    done += static_cast<std::size_t>(sent);
  }
  return true;
}

void HttpClient::finish() {
  ::shutdown(socket_, SHUT_WR);
}

HttpClient::Received HttpClient::receive() {
  std::array<char, 65536> part;
  pollfd wait{socket_, POLLIN, 0};
  if (::poll(&wait, 1, kPatience) <= 0) return Received::nothing;
  const ssize_t got = ::recv(socket_, part.data(), part.size(), 0);
  if (got <= 0) return Received::end;
  received_.append(part.data(), static_cast<std::size_t>(got));
  return Received::bytes;
}

bool HttpClient::has_answer(std::chrono::milliseconds within) const {
  pollfd wait{socket_, POLLIN, 0};
  return ::poll(&wait, 1, static_cast<int>(within.count())) > 0;
}

HttpAnswer HttpClient::answer(bool has_body) {
  HttpAnswer answer;
  std::size_t head = 0;
  while ((head = received_.find("\r\n\r\n")) == std::string::npos) {
    if (const Received received = receive(); received != Received::bytes) {
      answer.status = received == Received::nothing ? -1 : 0;
      return answer;
    }
  }
  answer.status = std::atoi(received_.substr(9, 3).c_str());
  answer.headers = headers_of(received_.substr(0, head));
  received_.erase(0, head + 4);
  const auto length = answer.headers.find("content-length");
  const std::size_t size =
      has_body && length != answer.headers.end() ? std::strtoull(length->second.c_str(), nullptr, 10) : 0;
  while (received_.size() < size) {
    if (receive() != Received::bytes) break;
  }
  answer.body = received_.substr(0, size);
  received_.erase(0, size);
  return answer;
}

bool HttpClient::is_closed(std::chrono::milliseconds within) {
  const auto end = std::chrono::steady_clock::now() + within;
  while (std::chrono::steady_clock::now() < end) {
    pollfd wait{socket_, POLLIN, 0};
    constexpr int kPiece = 20;  // milliseconds
    if (::poll(&wait, 1, kPiece) <= 0) continue;
    std::array<char, 4096> part;
    if (::recv(socket_, part.data(), part.size(), 0) <= 0) return true;
  }
  return false;
}

std::string request_text(const std::string& method, const std::string& target, const std::string& body,
                         const std::map<std::string, std::string>& headers) {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
  for (const auto& [name, value] : headers) {
    text += name;
    text += ": ";
    text += value;
    text += "\r\n";
  }
  if (!body.empty() || method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

HttpAnswer ask(std::uint16_t port, const std::string& method, const std::string& target, const std::string& body,
               const std::map<std::string, std::string>& headers) {
  HttpClient client(port);
  client.send(request_text(method, target, body, headers));
  return client.answer(method != "HEAD");
}

}  // namespace mnist::test
