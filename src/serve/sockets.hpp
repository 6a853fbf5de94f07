// Calls on sockets that libevent has no function for. Those that differ between systems are in posix and windows.
#pragma once

#include <cstdint>
#include <event2/util.h>

namespace mnist {

// Makes libevent's functions usable from several threads. Returns false if it cannot.
bool allow_threads();

// Sends small answers at once, instead of waiting for more. Sockets that are accepted from `socket` inherit it.
void send_at_once(evutil_socket_t socket);

// Of an IPv4 or IPv6 address.
void set_port(sockaddr_storage& address, std::uint16_t port);

// The port that the socket listens at.
std::uint16_t port_of(evutil_socket_t socket);

// Ends both directions, but keeps the socket open.
void shut_down(evutil_socket_t socket);

// Whether the error of a socket (evutil_socket_geterror) says that another program uses the address.
bool is_address_in_use(int error);

}  // namespace mnist
