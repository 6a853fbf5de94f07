// Connects the ranks of a run: first through a key-value store at an address that all ranks know (c10d's TCPStore),
// then through direct connections between all pairs (Gloo). The data are not encrypted, and the store answers everyone
// who reaches its port. On one machine both use loopback only; across machines, use a trusted network.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "mnist/distributed/communicator.hpp"

namespace mnist {

// The rank of this process and how to reach the others, as given by the launcher.
struct Place {
  int rank = 0;
  int size = 1;
  int local_rank = 0;         // among the ranks on this machine
  bool one_machine = true;    // all ranks are on this machine: use loopback only
  std::string address;        // of the store
  std::uint16_t port = 0;     // of the store
  bool is_served = false;     // the launcher serves the store; else rank 0 does
  int listener = -1;          // rank 0: a socket that already listens at `port`; `join` takes ownership; -1: none
  std::string job = "mnist";  // identifies this job and attempt, because several may share a store
  std::string interface;      // across machines: the network interface ("eth0"); empty: the host name's interface
  std::string launcher;       // for people: what started the ranks ("torchrun", "srun"); empty: a single process
};

// Waits until all ranks are connected; for size 1, returns `single_process()`. `timeout`: if a rank is lost or does not
// respond, here or in a collective function, all ranks end within this time: each one waits half of it for a sign of
// life and then asks the others. Throws an `Error` of kind rank_lost if a rank does not connect, the store is
// unreachable, or the store belongs to another run.
std::shared_ptr<Communicator> join(const Place& place, std::chrono::seconds timeout);

}  // namespace mnist
