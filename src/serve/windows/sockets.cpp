#include "sockets.hpp"

#include <event2/thread.h>
#include <winsock2.h>

namespace mnist {

bool allow_threads() {
  WSADATA ignored;
  return ::WSAStartup(MAKEWORD(2, 2), &ignored) == 0 && evthread_use_windows_threads() == 0;
}

void send_at_once(evutil_socket_t socket) {
  const char on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void shut_down(evutil_socket_t socket) {
  ::shutdown(socket, SD_BOTH);
}

bool is_address_in_use(int error) {
  return error == WSAEADDRINUSE;
}

}  // namespace mnist
