#include "sockets.hpp"

// libevent's header includes those of the system for addresses.

namespace mnist {
namespace {

// In network byte order, of an IPv4 or IPv6 address.
std::uint16_t& port_in(sockaddr_storage& address) {
  return address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                       : reinterpret_cast<sockaddr_in&>(address).sin_port;
}

}  // namespace

void set_port(sockaddr_storage& address, std::uint16_t port) {
  port_in(address) = htons(port);
}

std::uint16_t port_of(evutil_socket_t socket) {
  sockaddr_storage address{};
  ev_socklen_t length = sizeof(address);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(port_in(address));
}

}  // namespace mnist
