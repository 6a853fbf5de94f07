// Ranks for tests: threads of this process that are connected like processes.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "mnist/distributed/communicator.hpp"
#include "mnist/distributed/join.hpp"
#include "mnist/distributed/loopback.hpp"

namespace mnist::test {

// Calls `work` on each of `size` ranks. Returns the exception of each rank; nullptr if there is none.
inline std::vector<std::exception_ptr> run_ranks(int size,
                                                 const std::function<void(const std::shared_ptr<Communicator>&)>& work,
                                                 std::chrono::seconds timeout = std::chrono::seconds(20)) {
  const Listener listener = listen_on_loopback(0);
  std::vector<std::exception_ptr> ends(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(size));
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        Place place{.rank = rank, .size = size, .local_rank = rank, .address = "127.0.0.1", .port = listener.port};
        if (rank == 0) place.listener = listener.descriptor;
        const std::shared_ptr<Communicator> ranks = join(place, timeout);
        work(ranks);
        // Rank 0 serves the store.
        ranks->barrier();
      } catch (...) {
        ends[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return ends;
}

}  // namespace mnist::test
