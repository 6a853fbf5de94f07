// The key-value store of all ranks (c10d's TCPStore), with a timeout for every request. Part of process_group.cpp, the
// only file that uses c10d.
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

// Interval between two checks whether another rank has left. Short compared with any timeout, long compared with a sum
// in a step.
constexpr auto kCheckInterval = 500ms;
// Maximum wait for reports. Live ranks detect a lost rank within `kCheckInterval`; a rank that reports later counts as
// lost.
constexpr std::chrono::milliseconds kReportTimeout = 4s;
constexpr auto kSlack = 500ms;  // added to the timeout of calls that have their own timeout

std::string text_at(c10d::Store& store, const std::string& key) {
  const std::vector<std::uint8_t> bytes = store.get(key);
  return {bytes.begin(), bytes.end()};
}

std::string key_of(const char* what, int rank) {
  return fmt::format("{}/{}", what, rank);
}

// The reason; common ones in plain words.
std::string reason_of(const std::exception& error) {
  std::string line = first_line(error.what());
  const auto has = [&](const char* text) { return line.find(text) != std::string::npos; };
  if (has("imed out") || has("timeout")) return "no answer in time";
  if (has("closed by peer") || has("reset by peer")) return "the connection is closed";
  return line;
}

// Throws if a client cannot reach the store, or if a second server uses its port. On one machine all clients have the
// same problem, and only rank 1 reports it. On several machines it may be this machine's network.
[[noreturn]] void throw_no_store(const Place& place, const std::string& reason) {
  if (place.one_machine && place.rank > 1) throw EndedElsewhere(static_cast<int>(ErrorKind::rank_lost));
  const std::string where = fmt::format("{}:{}", place.address, place.port);
  if (place.rank == 0 && !place.is_served) {
    throw Error(ErrorKind::rank_lost,
                fmt::format("rank 0 cannot serve the store of the ranks at {}: {}", where, reason),
                "check that MASTER_ADDR is an address of this machine and that no other run uses MASTER_PORT");
  }
  throw Error(ErrorKind::rank_lost,
              fmt::format("rank {} cannot reach the store of the ranks at {}: {}", place.rank, where, reason),
              "check that MASTER_ADDR and MASTER_PORT are those of rank 0, that rank 0 runs, and that this machine can "
              "reach it");
}

Store open_store(const Place& place, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = place.port;
  options.isServer = place.rank == 0 && !place.is_served;
  options.waitWorkers = false;    // `wait_for_ranks` does it
  options.timeout = timeout / 2;  // it tries longer than the given timeout
  if (options.isServer && place.listener >= 0) {
    options.masterListenFd = place.listener;
  } else if (options.isServer && place.one_machine) {
    // c10d itself would listen at every address of the machine.
    options.masterListenFd = listen_on_loopback(place.port).descriptor;
  }
  const auto tcp = c10::make_intrusive<c10d::TCPStore>(place.address, options);
  return c10::make_intrusive<c10d::PrefixStore>(place.job, tcp);
}

// The key-value store of all ranks. Every request has a timeout.
class SharedStore {
 public:
  // Throws an `Error` if the store cannot be reached or served.
  SharedStore(const Place& place, std::chrono::milliseconds timeout) : timeout_(timeout + kSlack) {
    try {
      store_ = thread_.call([=] { return open_store(place, timeout); }, timeout_);
    } catch (const Error&) {
      throw;
    } catch (const c10::Error& error) {
      throw_no_store(place, first_line(error.what_without_backtrace()));
    } catch (const std::exception& error) {
      throw_no_store(place, reason_of(error));
    }
  }

  // Throws if there is no response in time.
  template <class Request>
  auto call(const Request& request) {
    return thread_.call([store = store_, request] { return request(*store); }, timeout_);
  }
  // Shortens the timeout from now on: something is already wrong.
  void shorten_timeout() { timeout_ = std::min(kReportTimeout, timeout_ / 5); }

  void set(const std::string& key, const std::string& value) {
    call([=](c10d::Store& store) { store.set(key, std::vector<std::uint8_t>(value.begin(), value.end())); });
  }
  // Waits for the key.
  std::string get(const std::string& key) {
    return call([=](c10d::Store& store) { return text_at(store, key); });
  }
  std::optional<std::string> find(const std::string& key) {
    return call(
        [=](c10d::Store& store) { return store.check({key}) ? std::optional(text_at(store, key)) : std::nullopt; });
  }
  std::int64_t add(const std::string& key, std::int64_t number) {
    return call([=](c10d::Store& store) { return store.add(key, number); });
  }
  std::int64_t count(const std::string& key) { return add(key, 0); }

  // Increments `beat` regularly as a sign of life, and checks whether another rank has left.
  void watch(const std::string& beat) {
    const auto work = [store = store_, watched = watched_, beat] {
      try {
        store->add(beat, 1);
        watched->left = store->add("left", 0) > 0;
      } catch (const std::exception&) {
        return false;  // the store is lost; the next request reports it
      }
      return true;
    };
    thread_.repeat(work, kCheckInterval);
  }
  bool has_left() const { return watched_->left; }

  const Store& c10d() const { return store_; }

 private:
  struct Watched {
    std::atomic<bool> left = false;
  };

  std::chrono::milliseconds timeout_;
  Store store_;
  std::shared_ptr<Watched> watched_ = std::make_shared<Watched>();
  BoundedThread thread_;
};

}  // namespace
}  // namespace mnist
