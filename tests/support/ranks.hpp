// Ranks for tests: threads of this process, connected as processes would be.
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

// Calls `work` as each of `size` ranks. Returns what each threw, nullptr where it threw nothing.
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
        // The store is rank 0's.
        ranks->meet();
      } catch (...) {
        ends[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return ends;
}

}  // namespace mnist::test
