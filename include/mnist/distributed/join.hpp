// How the ranks of a run find each other: a store of keys and values at an address that all of them know (c10d's
// TCPStore), then connections from each to each (Gloo). What they send is not encrypted, and the store answers everyone
// who reaches its port: on one machine both are bound to loopback; across machines, use a network that you trust.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "mnist/distributed/communicator.hpp"

namespace mnist {

// Where this process stands among the ranks, as its launcher says it.
struct Place {
  int rank = 0;
  int size = 1;
  int local_rank = 0;         // among those on this machine
  bool one_machine = true;    // all ranks are here: loopback only
  std::string address;        // of the store
  std::uint16_t port = 0;     // of the store
  bool is_served = false;     // the launcher serves the store; else rank 0 does
  int listener = -1;          // rank 0: a socket that listens at `port` already, which it takes over; -1: none
  std::string job = "mnist";  // of jobs and attempts that share a store, this one
  std::string interface;      // across machines: the network interface to use ("eth0"); empty: that of the host's name
  std::string launcher;       // who started the ranks, for people: "torchrun", "srun"; empty: nobody, a single process
};

// Returns when all ranks are connected; for size 1, `single_process()`. `timeout`: within it all ranks end if one is
// lost, or does not answer, here or in a sum: each waits half of it for a sign of life, and then asks the others.
// Throws an `Error` of kind rank_lost if a rank does not come, or the store is not there or is another run's.
std::shared_ptr<Communicator> join(const Place& place, std::chrono::seconds timeout);

}  // namespace mnist
