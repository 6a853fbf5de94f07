// Sockets that only this machine can reach.
#pragma once

#include <cstdint>

namespace mnist {

struct Listener {
  int descriptor = -1;
  std::uint16_t port = 0;
};

// Listens at `port` of 127.0.0.1; 0: at any free port. The caller owns the descriptor, which is closed on exec. Throws
// an `Error` of kind rank_lost if the port is in use.
Listener listen_on_loopback(std::uint16_t port);

}  // namespace mnist
