#include "sockets.hpp"

#include <cerrno>
#include <event2/thread.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace mnist {

bool allow_threads() {
  return evthread_use_pthreads() == 0;
}

void send_at_once(evutil_socket_t socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void shut_down(evutil_socket_t socket) {
  ::shutdown(socket, SHUT_RDWR);
}

bool is_address_in_use(int error) {
  return error == EADDRINUSE;
}

}  // namespace mnist
