// The one file that knows c10d: its store, and its connections by Gloo.
#include <atomic>
#include <exception>
#include <optional>
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

#include "bounded_thread.hpp"

C10_DECLARE_int(caffe2_log_level);

namespace mnist {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

using Store = c10::intrusive_ptr<c10d::Store>;

// Between two looks whether another rank has left. Short beside any timeout, long beside a step's sum.
constexpr auto kLook = 500ms;
// Ranks that live notice within `kLook` that one does not; what is slower to say so counts as gone. At most.
constexpr std::chrono::milliseconds kToReport = 4s;
constexpr auto kSlack = 1s;  // of a bound on what has a bound of its own
// Of the timeout: what is left is for saying it, and for a launcher to end those that are stopped.
constexpr int kDetectShare = 65;       // %
constexpr const char* kLost = "lost";  // what a rank leaves with that has found another one gone

std::string text_at(c10d::Store& store, const std::string& key) {
  const std::vector<std::uint8_t> bytes = store.get(key);
  return {bytes.begin(), bytes.end()};
}

std::string key_of(const char* what, int rank) {
  return fmt::format("{}/{}", what, rank);
}

// In our words where it is one of the usual things.
std::string reason_of(const std::exception& error) {
  const std::string line = first_line(error.what());
  const auto has = [&](const char* text) { return line.find(text) != std::string::npos; };
  if (has("imed out") || has("timeout")) return "no answer in time";
  if (has("closed by peer") || has("reset by peer")) return "the connection is closed";
  return line;
}

// The keys and values that all ranks see. Every question is bounded in time.
class SharedStore {
 public:
  // Throws an `Error` if it cannot be reached, or served.
  SharedStore(const Place& place, std::chrono::milliseconds timeout);

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
  void watch(const std::string& beat);
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

class ProcessGroup : public Communicator {
 public:
  ProcessGroup(const Place& place, std::chrono::milliseconds timeout);

  int rank() const override { return place_.rank; }
  int size() const override { return place_.size; }
  int sharers() const override { return sharers_; }
  std::unique_ptr<Transfer> begin_sum(const torch::Tensor& tensor) override;
  void broadcast(const torch::Tensor& tensor) override;
  void meet() override;
  bool leave(int exit_code) noexcept override;

 private:
  friend class Sum;

  void gather();
  void connect();
  void wait(const c10::intrusive_ptr<c10d::Work>& work);
  void wait_for_all(const std::string& key);
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
  std::vector<std::optional<std::string>> wait_for_reports();

  Place place_;
  std::chrono::milliseconds timeout_;
  SharedStore store_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
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
  options.waitWorkers = false;  // `gather` does it
  options.timeout = timeout;
  if (options.isServer && place.listener >= 0) {
    options.masterListenFd = place.listener;
  } else if (options.isServer && place.one_machine) {
    // c10d itself would listen at every address of the machine.
    options.masterListenFd = listen_on_loopback(place.port).descriptor;
  }
  const auto tcp = c10::make_intrusive<c10d::TCPStore>(place.address, options);
  return c10::make_intrusive<c10d::PrefixStore>(place.job, tcp);
}

SharedStore::SharedStore(const Place& place, std::chrono::milliseconds timeout) : patience_(timeout + kSlack) {
  try {
    // c10d tries for longer than it is told to.
    store_ = thread_.ask([=] { return open_store(place, timeout); }, 2 * timeout + kSlack);
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    throw no_store(place, first_line(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    throw no_store(place, reason_of(error));
  }
}

void SharedStore::watch(const std::string& beat) {
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

ProcessGroup::ProcessGroup(const Place& place, std::chrono::milliseconds timeout)
    : place_(place), timeout_(timeout), store_(place, timeout) {
  guarded([&] {
    gather();
    connect();
  });
}

// Waits for all ranks, with a message of its own: Gloo would say that a key is missing.
void ProcessGroup::gather() {
  const std::string processors = host_name() + ": " + allowed_processors();
  store_.set(key_of("who", rank()), fmt::format("{}, process {}", host_name(), ::getpid()));
  store_.set(key_of("processors", rank()), processors);
  store_.watch(key_of("beat", rank()));
  const Clock::time_point end = Clock::now() + timeout_;
  for (std::int64_t came = store_.add("came", 1); came < size(); came = store_.count("came")) {
    if (store_.has_left()) find_out("another one left");
    if (Clock::now() > end) find_out(fmt::format("{} of {} came in time", came, size()));
    std::this_thread::sleep_for(20ms);
  }
  sharers_ = 0;
  for (int other = 0; other < size(); ++other) {
    if (store_.get(key_of("processors", other)) == processors) ++sharers_;
  }
}

void ProcessGroup::connect() {
  const auto open = [place = place_, timeout = timeout_, store = store_.c10d()](c10d::Store& /*store*/) {
    using Gloo = c10d::ProcessGroupGloo;
    const auto options = Gloo::Options::create(timeout);
    options->devices.push_back(place.one_machine         ? Gloo::createDeviceForHostname("127.0.0.1")
                               : place.interface.empty() ? Gloo::createDefaultDevice()
                                                         : Gloo::createDeviceForInterface(place.interface));
    return c10::make_intrusive<Gloo>(store, place.rank, place.size, options);
  };
  gloo_ = store_.ask(open);
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

// In slices: a rank that has noticed that another one is gone leaves, but does not close its connections.
void ProcessGroup::wait(const c10::intrusive_ptr<c10d::Work>& work) {
  while (true) {
    const Clock::time_point end = Clock::now() + kLook;
    try {
      work->wait(kLook);
      return;
    } catch (const std::exception& error) {
      if (work->isCompleted() || Clock::now() < end) find_out(reason_of(error));
    }
    if (store_.has_left()) find_out("another one left");
  }
}

void ProcessGroup::meet() {
  guarded([&] {
    const std::string key = fmt::format("meeting/{}", meetings_++);
    wait_for_all(key);
    // The store is rank 0's, which may end after this: not before the others have seen that all are here.
    const std::string seen = key + "/seen";
    if (!leads()) store_.add(seen, 1);
    for (const Clock::time_point end = Clock::now() + timeout_; leads() && Clock::now() < end;) {
      if (store_.count(seen) == size() - 1) break;
      std::this_thread::sleep_for(1ms);
    }
  });
}

void ProcessGroup::wait_for_all(const std::string& key) {
  struct Beats {
    std::int64_t count = -1;
    Clock::time_point since;
  };
  std::vector<Beats> beats(static_cast<std::size_t>(size()));
  Clock::time_point look = Clock::now() + kLook;
  for (std::int64_t here = store_.add(key, 1); here < size(); here = store_.count(key)) {
    std::this_thread::sleep_for(5ms);
    if (Clock::now() < look) continue;
    look = Clock::now() + kLook;
    if (store_.has_left()) find_out("another one left");
    for (int other = 0; other < size(); ++other) {
      Beats& its = beats[static_cast<std::size_t>(other)];
      const std::int64_t count = store_.count(key_of("beat", other));
      if (count != its.count) its = {count, Clock::now()};
      if (Clock::now() - its.since > timeout_) find_out("it does not answer");
    }
  }
}

bool ProcessGroup::leave(int exit_code) noexcept {
  if (std::exchange(left_, true)) return true;
  store_.hurry();
  try {
    store_.set(key_of("left", rank()), std::to_string(exit_code));
    store_.add("left", 1);
    // All may have the same error: rank 0 tells it.
    for (const Clock::time_point end = Clock::now() + kLook; rank() > 0 && Clock::now() < end;) {
      const std::optional<std::string> first = store_.find(key_of("left", 0));
      if ((first && *first != kLost) || store_.count("told") > 0) return false;
      std::this_thread::sleep_for(20ms);
    }
    const bool first = store_.add("told", 1) == 1;
    if (leads() && !place_.is_served) wait_for_reports();  // they ask the store, which ends with this process
    return first || leads();
  } catch (const std::exception&) {
    return true;  // nobody else is there
  }
}

// Waits a moment for all others to have left. How each has, by rank; nothing of those that say nothing.
std::vector<std::optional<std::string>> ProcessGroup::wait_for_reports() {
  const Clock::time_point end = Clock::now() + std::min(kToReport, timeout_ / 5);
  std::vector<std::optional<std::string>> reports(static_cast<std::size_t>(size()));
  while (true) {
    bool whole = true;
    for (int other = 0; other < size(); ++other) {
      std::optional<std::string>& report = reports[static_cast<std::size_t>(other)];
      if (!report) report = store_.find(key_of("left", other));
      whole = whole && report;
    }
    if (whole || Clock::now() > end) return reports;
    std::this_thread::sleep_for(20ms);
  }
}

// Which rank is gone. The first of the others says so.
void ProcessGroup::find_out(const std::string& symptom) {
  // The connections are not closed in order: that would wait for ranks that do not answer.
  static_cast<void>(gloo_.release());
  store_.hurry();
  std::vector<std::string> gone;
  int first = 0;
  try {
    left_ = true;
    store_.set(key_of("left", rank()), kLost);
    store_.add("left", 1);
    const std::vector<std::optional<std::string>> reports = wait_for_reports();
    for (const std::optional<std::string>& how : reports) {
      if (how && *how != kLost) throw EndedElsewhere(std::stoi(*how));
    }
    for (int other = 0; other < size(); ++other) {
      if (reports[static_cast<std::size_t>(other)]) continue;
      gone.push_back(fmt::format("{} ({})", other, store_.find(key_of("who", other)).value_or("never came")));
      if (other == first) ++first;
    }
  } catch (const EndedElsewhere&) {
    throw;
  } catch (const std::exception&) {
    // The store is gone, or stopped, with whoever serves it.
    first = place_.is_served ? 0 : 1;
    gone = {place_.is_served ? "?, or the launcher's store," : "0"};
  }
  if (rank() != first) throw EndedElsewhere(static_cast<int>(ErrorKind::rank_lost));
  throw Error(ErrorKind::rank_lost,
              gone.empty() ? "the ranks have lost their connections: " + symptom
                           : fmt::format("{} {} of {} {} gone: {}", gone.size() == 1 ? "rank" : "ranks",
                                         fmt::join(gone, ", "), size(), gone.size() == 1 ? "is" : "are", symptom),
              "start the run again with --resume: it continues from its last checkpoint");
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
  return std::make_shared<ProcessGroup>(place, std::chrono::milliseconds(timeout) * kDetectShare / 100);
}

}  // namespace mnist
