// The keys and values that all ranks see, c10d's TCPStore, with a bound on the time of every question. Part of
// process_group.cpp, the one unit that knows c10d.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/text.hpp"
#include "mnist/distributed/join.hpp"
#include "mnist/distributed/loopback.hpp"

#include "bounded_thread.hpp"

namespace mnist {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

using Store = c10::intrusive_ptr<c10d::Store>;

// Between two looks whether another rank has left. Short beside any timeout, long beside a step's sum.
constexpr auto kLook = 500ms;
// Ranks that live notice within `kLook` that one does not; what is slower to say so counts as gone. At most.
constexpr std::chrono::milliseconds kToReport = 4s;
constexpr auto kSlack = 500ms;  // of a bound on what has a bound of its own

std::string text_at(c10d::Store& store, const std::string& key) {
  const std::vector<std::uint8_t> bytes = store.get(key);
  return {bytes.begin(), bytes.end()};
}

std::string key_of(const char* what, int rank) {
  return fmt::format("{}/{}", what, rank);
}

// In our words where it is one of the usual things.
std::string reason_of(const std::exception& error) {
  std::string line = first_line(error.what());
  const auto has = [&](const char* text) { return line.find(text) != std::string::npos; };
  if (has("imed out") || has("timeout")) return "no answer in time";
  if (has("closed by peer") || has("reset by peer")) return "the connection is closed";
  return line;
}

// A client that does not find its store, or a second server at its port. On one machine all clients find the same: rank
// 1 says it. On several it may be this one's network.
[[noreturn]] void throw_no_store(const Place& place, const std::string& reason) {
  if (place.one_machine && place.rank > 1) throw EndedElsewhere(static_cast<int>(ErrorKind::rank_lost));
  const std::string where = fmt::format("{}:{}", place.address, place.port);
  if (place.rank == 0 && !place.is_served) {
    throw Error(ErrorKind::rank_lost, fmt::format("rank 0 cannot serve the ranks' store at {}: {}", where, reason),
                "has MASTER_ADDR an address, and is no other run at MASTER_PORT?");
  }
  throw Error(ErrorKind::rank_lost,
              fmt::format("rank {} does not reach the ranks' store at {}: {}", place.rank, where, reason),
              "MASTER_ADDR and MASTER_PORT say where rank 0 is; does it run, and may this machine reach it?");
}

Store open_store(const Place& place, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = place.port;
  options.isServer = place.rank == 0 && !place.is_served;
  options.waitWorkers = false;    // `gather` does it
  options.timeout = timeout / 2;  // it tries for longer than it is told to
  if (options.isServer && place.listener >= 0) {
    options.masterListenFd = place.listener;
  } else if (options.isServer && place.one_machine) {
    // c10d itself would listen at every address of the machine.
    options.masterListenFd = listen_on_loopback(place.port).descriptor;
  }
  const auto tcp = c10::make_intrusive<c10d::TCPStore>(place.address, options);
  return c10::make_intrusive<c10d::PrefixStore>(place.job, tcp);
}

// The keys and values that all ranks see. Every question is bounded in time.
class SharedStore {
 public:
  // Throws an `Error` if it cannot be reached, or served.
  SharedStore(const Place& place, std::chrono::milliseconds timeout) : patience_(timeout + kSlack) {
    try {
      store_ = thread_.ask([=] { return open_store(place, timeout); }, patience_);
    } catch (const Error&) {
      throw;
    } catch (const c10::Error& error) {
      throw_no_store(place, first_line(error.what_without_backtrace()));
    } catch (const std::exception& error) {
      throw_no_store(place, reason_of(error));
    }
  }

  // Throws if no answer comes in time.
  template <class Question>
  auto ask(const Question& question) {
    return thread_.ask([store = store_, question] { return question(*store); }, patience_);
  }
  // From now on, that is soon: something is wrong already.
  void hurry() { patience_ = std::min(kToReport, patience_ / 5); }

  void set(const std::string& key, const std::string& value) {
    ask([=](c10d::Store& store) { store.set(key, std::vector<std::uint8_t>(value.begin(), value.end())); });
  }
  // Waits for it.
  std::string get(const std::string& key) {
    return ask([=](c10d::Store& store) { return text_at(store, key); });
  }
  std::optional<std::string> find(const std::string& key) {
    return ask(
        [=](c10d::Store& store) { return store.check({key}) ? std::optional(text_at(store, key)) : std::nullopt; });
  }
  std::int64_t add(const std::string& key, std::int64_t number) {
    return ask([=](c10d::Store& store) { return store.add(key, number); });
  }
  std::int64_t count(const std::string& key) { return add(key, 0); }

  // Says all the time, under `beat`, that this process lives, and looks whether another one has left.
  void watch(const std::string& beat) {
    const auto work = [store = store_, watched = watched_, beat] {
      try {
        store->add(beat, 1);
        watched->left = store->add("left", 0) > 0;
      } catch (const std::exception&) {
        return false;  // the store is gone; who needs it notices
      }
      return true;
    };
    thread_.repeat(work, kLook);
  }
  bool has_left() const { return watched_->left; }

  const Store& c10d() const { return store_; }

 private:
  struct Watched {
    std::atomic<bool> left = false;
  };

  std::chrono::milliseconds patience_;
  Store store_;
  std::shared_ptr<Watched> watched_ = std::make_shared<Watched>();
  BoundedThread thread_;
};

}  // namespace
}  // namespace mnist
