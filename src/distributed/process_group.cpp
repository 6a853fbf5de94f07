// The one file that knows c10d: its store, and its connections by Gloo.
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#if defined(__GLIBC__)
#include <nss.h>
#endif
#include <thread>
#include <unistd.h>
#include <utility>

#define USE_C10D_GLOO 1
#include <c10/util/Exception.h>
#include <c10/util/Logging.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/text.hpp"
#include "mnist/distributed/join.hpp"
#include "mnist/distributed/loopback.hpp"

C10_DECLARE_int(caffe2_log_level);

namespace mnist {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

using Store = c10::intrusive_ptr<c10d::Store>;

// Between two looks whether another rank has left. Short beside any timeout, long beside a step's sum.
constexpr auto kLook = 500ms;
// Ranks that live notice within `kLook` that one does not; what is slower to say so counts as gone.
constexpr auto kToReport = 4s;
constexpr const char* kLost = "lost";  // what a rank leaves with that has found another one gone

std::string text_at(c10d::Store& store, const std::string& key) {
  const std::vector<std::uint8_t> bytes = store.get(key);
  return {bytes.begin(), bytes.end()};
}

std::string key_of(const char* what, int rank) {
  return fmt::format("{}/{}", what, rank);
}

// Without the place in Gloo's source.
std::string reason_of(const std::exception& error) {
  const std::string line = first_line(error.what());
  const std::size_t end = line.starts_with('[') ? line.find("] ") : std::string::npos;
  return end == std::string::npos ? line : line.substr(end + 2);
}

// Counts in the store that this process lives, from a thread and a connection of its own.
class Heart {
 public:
  Heart(Store store, std::string key)
      : thread_([this, store = std::move(store), key = std::move(key)] { beat(*store, key); }) {}
  ~Heart() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  Heart(const Heart&) = delete;
  Heart& operator=(const Heart&) = delete;

 private:
  void beat(c10d::Store& store, const std::string& key) {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      try {
        store.add(key, 1);
      } catch (const std::exception&) {
        return;  // the store is gone; who needs it notices
      }
      wake_.wait_for(lock, kLook, [this] { return stop_; });
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses what is above
};

class ProcessGroup : public Communicator {
 public:
  ProcessGroup(const Place& place, Store store, std::chrono::milliseconds timeout);

  int rank() const override { return place_.rank; }
  int size() const override { return place_.size; }
  int sharers() const override { return sharers_; }
  std::unique_ptr<Transfer> begin_sum(const torch::Tensor& tensor) override;
  void broadcast(const torch::Tensor& tensor) override;
  void meet() override;
  bool leave(int exit_code) noexcept override;

 private:
  friend class Sum;

  void connect();
  void wait(const c10::intrusive_ptr<c10d::Work>& work);
  // What c10d throws means that the ranks are no longer together.
  template <class Work>
  auto guarded(const Work& work) {
    try {
      return work();
    } catch (const Error&) {
      throw;
    } catch (const EndedElsewhere&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      find_out(reason_of(error));
    }
  }
  [[noreturn]] void find_out(const std::string& symptom);
  [[noreturn]] void report(const std::string& message);
  bool has_left();
  std::vector<int> missing_after_reports();

  Place place_;
  std::chrono::milliseconds timeout_;
  Store store_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
  std::unique_ptr<Heart> heart_;
  int sharers_ = 1;
  std::int64_t meetings_ = 0;
  bool left_ = false;
};

class Sum : public Transfer {
 public:
  Sum(ProcessGroup& group, c10::intrusive_ptr<c10d::Work> work) : group_(group), work_(std::move(work)) {}
  void wait() override { group_.wait(work_); }

 private:
  ProcessGroup& group_;
  c10::intrusive_ptr<c10d::Work> work_;
};

ProcessGroup::ProcessGroup(const Place& place, Store store, std::chrono::milliseconds timeout)
    : place_(place), timeout_(timeout), store_(std::move(store)) {
  guarded([&] {
    store_->set(key_of("who", rank()), fmt::format("{}, process {}", host_name(), ::getpid()));
    store_->set(key_of("processors", rank()), host_name() + ": " + allowed_processors());
    heart_ = std::make_unique<Heart>(store_->clone(), key_of("beat", rank()));
    connect();
    const std::string own = text_at(*store_, key_of("processors", rank()));
    sharers_ = 0;
    for (int other = 0; other < size(); ++other) {
      if (text_at(*store_, key_of("processors", other)) == own) ++sharers_;
    }
  });
}

// Waits for all ranks, with a message of its own: Gloo would say that a key is missing.
void ProcessGroup::connect() {
  const Clock::time_point end = Clock::now() + timeout_;
  std::int64_t came = store_->add("came", 1);
  while (came < size()) {
    if (has_left()) find_out("another one left");
    if (Clock::now() > end) {
      report(fmt::format("{} of {} ranks came within {} s", came, size(), timeout_ / 1s));
    }
    std::this_thread::sleep_for(20ms);
    came = store_->add("came", 0);
  }
  const auto options = c10d::ProcessGroupGloo::Options::create(timeout_);
  options->devices.push_back(place_.one_machine ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                             : place_.interface.empty()
                                 ? c10d::ProcessGroupGloo::createDefaultDevice()
                                 : c10d::ProcessGroupGloo::createDeviceForInterface(place_.interface));
  gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, rank(), size(), options);
}

std::unique_ptr<Transfer> ProcessGroup::begin_sum(const torch::Tensor& tensor) {
  return guarded([&] {
    std::vector<at::Tensor> tensors = {tensor};
    return std::make_unique<Sum>(*this, gloo_->allreduce(tensors));
  });
}

void ProcessGroup::broadcast(const torch::Tensor& tensor) {
  wait(guarded([&] {
    std::vector<at::Tensor> tensors = {tensor};
    return gloo_->broadcast(tensors);
  }));
}

// In slices: a rank that does not compute any more cannot be told by its connections, which stay open.
void ProcessGroup::wait(const c10::intrusive_ptr<c10d::Work>& work) {
  while (true) {
    const Clock::time_point end = Clock::now() + kLook;
    try {
      work->wait(kLook);
      return;
    } catch (const std::exception& error) {
      if (work->isCompleted() || Clock::now() < end) find_out(reason_of(error));
    }
    if (guarded([&] { return has_left(); })) find_out("another one left");
  }
}

void ProcessGroup::meet() {
  struct Beats {
    std::int64_t count = -1;
    Clock::time_point since;
  };
  guarded([&] {
    const std::string key = fmt::format("meeting/{}", meetings_++);
    std::vector<Beats> beats(static_cast<std::size_t>(size()));
    Clock::time_point look = Clock::now() + kLook;
    for (std::int64_t here = store_->add(key, 1); here < size(); here = store_->add(key, 0)) {
      std::this_thread::sleep_for(5ms);
      if (Clock::now() < look) continue;
      look = Clock::now() + kLook;
      if (has_left()) find_out("another one left");
      for (int other = 0; other < size(); ++other) {
        Beats& its = beats[static_cast<std::size_t>(other)];
        const std::int64_t count = store_->add(key_of("beat", other), 0);
        if (count != its.count) its = {count, Clock::now()};
        if (Clock::now() - its.since > timeout_) find_out("it does not answer");
      }
    }
    // The store is rank 0's, which may end after this: not before the others have seen that all are here.
    const std::string seen = key + "/seen";
    if (!leads()) store_->add(seen, 1);
    for (const Clock::time_point end = Clock::now() + timeout_; leads() && Clock::now() < end;) {
      if (store_->add(seen, 0) == size() - 1) break;
      std::this_thread::sleep_for(1ms);
    }
  });
}

bool ProcessGroup::leave(int exit_code) noexcept {
  if (std::exchange(left_, true)) return true;
  try {
    store_->set(key_of("left", rank()), std::to_string(exit_code));
    store_->add("left", 1);
    // All may have the same error: rank 0 tells it.
    for (const Clock::time_point end = Clock::now() + kLook; rank() > 0 && Clock::now() < end;) {
      const std::string first = key_of("left", 0);
      if (store_->check({first}) && text_at(*store_, first) != kLost) return false;
      if (store_->add("told", 0) > 0) return false;
      std::this_thread::sleep_for(20ms);
    }
    return store_->add("told", 1) == 1 || leads();
  } catch (const std::exception&) {
    return true;  // nobody else is there
  }
}

bool ProcessGroup::has_left() {
  return store_->add("left", 0) > 0;
}

// Waits a moment for the others to say how they are; those that say nothing.
std::vector<int> ProcessGroup::missing_after_reports() {
  const Clock::time_point end = Clock::now() + kToReport;
  std::vector<int> missing;
  do {
    missing.clear();
    for (int other = 0; other < size(); ++other) {
      const std::string key = key_of("left", other);
      if (!store_->check({key})) {
        missing.push_back(other);
      } else if (const std::string how = text_at(*store_, key); how != kLost) {
        throw EndedElsewhere(std::stoi(how));
      }
    }
    if (!missing.empty()) std::this_thread::sleep_for(50ms);
  } while (!missing.empty() && Clock::now() < end);
  return missing;
}

// Which rank is gone. The first of the others says so.
void ProcessGroup::find_out(const std::string& symptom) {
  // The connections are not closed in order: that would wait for ranks that do not answer.
  static_cast<void>(gloo_.release());
  std::vector<std::string> gone;
  int first = 0;
  try {
    left_ = true;
    store_->set(key_of("left", rank()), kLost);
    store_->add("left", 1);
    for (const int other : missing_after_reports()) {
      const std::string key = key_of("who", other);
      gone.push_back(fmt::format("{} ({})", other, store_->check({key}) ? text_at(*store_, key) : "never came"));
      if (other == first) ++first;
    }
  } catch (const EndedElsewhere&) {
    throw;
  } catch (const std::exception&) {
    // The store is gone, with whoever serves it.
    first = place_.is_served ? 0 : 1;
    gone = {place_.is_served ? "?, or the launcher's store," : "0"};
  }
  if (rank() != first) throw EndedElsewhere(static_cast<int>(ErrorKind::rank_lost));
  report(gone.empty() ? "the ranks have lost their connections: " + symptom
                      : fmt::format("{} {} of {} {} gone: {}", gone.size() == 1 ? "rank" : "ranks",
                                    fmt::join(gone, ", "), size(), gone.size() == 1 ? "is" : "are", symptom));
}

void ProcessGroup::report(const std::string& message) {
  throw Error(ErrorKind::rank_lost, message,
              "start the run again with --resume: it continues from its last checkpoint");
}

// A client that does not find its store, or a second server at its port.
Error no_store(const Place& place, const std::string& reason) {
  const std::string where = fmt::format("{}:{}", place.address, place.port);
  if (place.rank == 0 && !place.is_served) {
    return {ErrorKind::rank_lost, fmt::format("rank 0 cannot serve the ranks' store at {}: {}", where, reason),
            "is another run there? name a free port with MASTER_PORT"};
  }
  return {ErrorKind::rank_lost,
          fmt::format("rank {} does not reach the ranks' store at {}: {}", place.rank, where, reason),
          "MASTER_ADDR and MASTER_PORT say where rank 0 is; does it run, and may this machine reach it?"};
}

Store open_store(const Place& place, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = place.port;
  options.isServer = place.rank == 0 && !place.is_served;
  options.waitWorkers = false;  // `connect` does it
  options.timeout = timeout;
  if (options.isServer && place.listener >= 0) {
    options.masterListenFd = place.listener;
  } else if (options.isServer && place.one_machine) {
    // c10d itself would listen at every address of the machine.
    options.masterListenFd = listen_on_loopback(place.port).descriptor;
  }
  try {
    const auto tcp = c10::make_intrusive<c10d::TCPStore>(place.address, options);
    return c10::make_intrusive<c10d::PrefixStore>(place.job, tcp);
  } catch (const c10::Error& error) {
    throw no_store(place, first_line(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    throw no_store(place, reason_of(error));
  }
}

}  // namespace

std::shared_ptr<Communicator> join(const Place& place, std::chrono::seconds timeout) {
  if (place.size == 1) return single_process();
#if defined(__GLIBC__)
  // c10d asks for the name of every address that it connects to, and a name server that does not answer costs 5 s.
  if (place.one_machine) __nss_configure_lookup("hosts", "files");
#endif
  constexpr int kNothing = 4;  // c10d's warnings carry stack traces; what they say is thrown too
  FLAGS_caffe2_log_level = kNothing;
  return std::make_shared<ProcessGroup>(place, open_store(place, timeout), timeout);
}

}  // namespace mnist
