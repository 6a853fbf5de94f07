#include "mnist/distributed/loopback.hpp"

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "mnist/core/error.hpp"

namespace mnist {

namespace {

// Closed on exec.
int new_socket() {
#ifdef SOCK_CLOEXEC
  return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
#else
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  if (descriptor >= 0) ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return descriptor;
#endif
}

}  // namespace

Listener listen_on_loopback(std::uint16_t port) {
  const int descriptor = new_socket();
  const int yes = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  constexpr int kQueue = 512;
  if (descriptor < 0 || ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      ::bind(descriptor, name, size) != 0 || ::listen(descriptor, kQueue) != 0 ||
      ::getsockname(descriptor, name, &size) != 0) {
    const std::string why = std::generic_category().message(errno);
    if (descriptor >= 0) ::close(descriptor);
    throw Error(ErrorKind::rank_lost, fmt::format("rank 0 cannot listen at 127.0.0.1:{}: {}", port, why),
                "another run may use that port: set MASTER_PORT to a free one");
  }
  return {descriptor, ntohs(address.sin_port)};
}

}  // namespace mnist
