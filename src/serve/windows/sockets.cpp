#include "sockets.hpp"

#include <event2/thread.h>
#include <winsock2.h>
#include <ws2tcpip.h>

namespace mnist {

bool allow_threads() {
  WSADATA ignored;
  return ::WSAStartup(MAKEWORD(2, 2), &ignored) == 0 && evthread_use_windows_threads() == 0;
}

void send_at_once(evutil_socket_t socket) {
  const char on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void set_port(sockaddr_storage& address, std::uint16_t port) {
  const bool is_v6 = address.ss_family == AF_INET6;
  (is_v6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port : reinterpret_cast<sockaddr_in&>(address).sin_port) =
      htons(port);
}

std::uint16_t port_of(evutil_socket_t socket) {
  sockaddr_storage address{};
  int length = sizeof(address);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  const bool is_v6 = address.ss_family == AF_INET6;
  return ntohs(is_v6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                     : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

void shut_down(evutil_socket_t socket) {
  ::shutdown(socket, SD_BOTH);
}

bool is_address_in_use(int error) {
  return error == WSAEADDRINUSE;
}

}  // namespace mnist
