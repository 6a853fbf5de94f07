// The one file that knows c10d: its store, and its connections by Gloo.
#include <exception>
#include <optional>
#if defined(__GLIBC__)
#include <nss.h>
#endif
#include <thread>
#include <unistd.h>
#include <utility>

#define USE_C10D_GLOO 1
#include <c10/util/Logging.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/process.hpp"
#include "mnist/distributed/join.hpp"

#include "shared_store.hpp"

C10_DECLARE_int(caffe2_log_level);

namespace mnist {
namespace {

// Of the timeout: what is left is for saying it, and for a launcher to end those that are stopped.
constexpr int kDetectShare = 50;       // %
constexpr const char* kLost = "lost";  // what a rank leaves with that has found another one gone

class ProcessGroup final : public Communicator {
 public:
  ProcessGroup(const Place& place, std::chrono::milliseconds timeout);

  int rank() const override { return place_.rank; }
  int size() const override { return place_.size; }
  int sharers() const override { return sharers_; }
  std::unique_ptr<Transfer> begin_sum(const torch::Tensor& tensor) override;
  void broadcast(const torch::Tensor& tensor) override;
  void meet() override;
  bool leave(int exit_code, const std::string& stop) noexcept override;

 private:
  friend class Sum;

  struct Pulse {
    std::int64_t count = -1;
    Clock::time_point since;  // it was seen to change
  };
  using Pulses = std::vector<Pulse>;  // by rank

  void gather();
  void connect();
  void wait(const c10::intrusive_ptr<c10d::Work>& work);
  void check(Pulses& pulses);
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
  bool is_told();
  void part();
  std::chrono::milliseconds report_time() const { return std::min(kToReport, timeout_ / 5); }

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

ProcessGroup::ProcessGroup(const Place& place, std::chrono::milliseconds timeout)
    : place_(place), timeout_(timeout), store_(place, timeout) {
  guarded([&] {
    gather();
    connect();
  });
}

// Waits for all ranks, with a message of its own: Gloo would say that a key is missing.
void ProcessGroup::gather() {
  if (store_.add(key_of("claim", rank()), 1) != 1) {
    throw Error(ErrorKind::rank_lost,
                fmt::format("another process is rank {} at {}:{} already", rank(), place_.address, place_.port),
                "another run uses that address: set another MASTER_PORT");
  }
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
  const auto open = [place = place_, store = store_.c10d()](c10d::Store& /*store*/) {
    using Gloo = c10d::ProcessGroupGloo;
    const auto options = Gloo::Options::create(24h);  // `wait` has a bound of its own
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

// As long as all live: one may be held up, by a terminal or a disk, and one process alone would be too. In slices,
// because a rank that has noticed that another one is gone leaves, but does not close its connections.
void ProcessGroup::wait(const c10::intrusive_ptr<c10d::Work>& work) {
  std::optional<Pulses> pulses;
  while (true) {
    try {
      work->wait(kLook);
      return;
    } catch (const std::exception& error) {
      // It may have come to its end since.
      if (work->isCompleted() && work->exception() == nullptr) return;
      if (work->isCompleted()) find_out(reason_of(error));
    }
    if (!pulses) pulses.emplace(static_cast<std::size_t>(size()));
    guarded([&] { check(*pulses); });
  }
}

// Ends the run if another rank has left, or does not show any sign of life for as long as the timeout.
void ProcessGroup::check(Pulses& pulses) {
  if (store_.has_left()) find_out("another one left");
  for (int other = 0; other < size(); ++other) {
    Pulse& its = pulses[static_cast<std::size_t>(other)];
    const std::int64_t count = store_.count(key_of("beat", other));
    if (count != its.count) its = {count, Clock::now()};
    if (Clock::now() - its.since > timeout_) find_out("no answer in time");
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
  Pulses pulses(static_cast<std::size_t>(size()));
  Clock::time_point look = Clock::now() + kLook;
  for (std::int64_t here = store_.add(key, 1); here < size(); here = store_.count(key)) {
    std::this_thread::sleep_for(5ms);
    if (Clock::now() < look) continue;
    look = Clock::now() + kLook;
    check(pulses);
  }
}

bool ProcessGroup::leave(int exit_code, const std::string& stop) noexcept {
  if (std::exchange(left_, true)) return true;
  store_.hurry();
  try {
    const std::string reason = stop.empty() ? "" : fmt::format("{} of rank {}", stop, rank());
    store_.set(key_of("left", rank()), fmt::format("{} {}", exit_code, reason));
    store_.add("left", 1);
    const bool tells = leads() || !is_told();
    if (tells) store_.add("told", 1);
    part();
    return tells;
  } catch (const std::exception&) {
    return true;  // nobody else is there
  }
}

// Whether another one tells the user. All may have the same error: rank 0 does it then.
bool ProcessGroup::is_told() {
  for (const Clock::time_point end = Clock::now() + kLook; Clock::now() < end;) {
    const std::optional<std::string> first = store_.find(key_of("left", 0));
    if ((first && *first != kLost) || store_.count("told") > 0) return true;
    std::this_thread::sleep_for(20ms);
  }
  return false;
}

// The last use of the store. It ends with rank 0, which waits for the others to be done with it.
void ProcessGroup::part() {
  store_.add("parted", 1);
  const Clock::time_point end = Clock::now() + report_time();
  while (leads() && !place_.is_served && store_.count("parted") < size() && Clock::now() < end) {
    std::this_thread::sleep_for(20ms);
  }
}

// Waits a moment for all others to have left. How each has, by rank; nothing of those that say nothing.
std::vector<std::optional<std::string>> ProcessGroup::wait_for_reports() {
  const Clock::time_point end = Clock::now() + report_time();
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
      if (!how || *how == kLost) continue;
      part();
      throw EndedElsewhere(std::stoi(*how), how->substr(how->find(' ') + 1));
    }
    for (int other = 0; other < size(); ++other) {
      if (reports[static_cast<std::size_t>(other)]) continue;
      gone.push_back(fmt::format("{} ({})", other, store_.find(key_of("who", other)).value_or("never came")));
      if (other == first) ++first;
    }
    part();
  } catch (const EndedElsewhere&) {
    throw;
  } catch (const std::exception&) {
    // The store is gone, or stopped, with whoever serves it.
    first = place_.is_served ? 0 : 1;
    gone = {place_.is_served ? "?, or the launcher's store," : "0"};
  }
  if (rank() != first) throw EndedElsewhere(static_cast<int>(ErrorKind::rank_lost));
  throw Error(
      ErrorKind::rank_lost,
      gone.empty() ? "the ranks have lost their connections: " + symptom
                   : fmt::format("{} {} of {} {} gone: {}", gone.size() == 1 ? "rank" : "ranks", fmt::join(gone, ", "),
                                 size(), gone.size() == 1 ? "is" : "are", symptom),
      "start the same command again; with --resume auto it continues from the last checkpoint, if there is one");
}

}  // namespace

std::shared_ptr<Communicator> join(const Place& place, std::chrono::seconds timeout) {
  if (place.size == 1) return single_process();
#if defined(__GLIBC__)
  // c10d asks for the name of every address that it connects to, and a name server that does not answer costs 5 s.
  if (place.one_machine && !place.is_served) __nss_configure_lookup("hosts", "files");
#endif
  constexpr int kNothing = 4;  // c10d's warnings carry stack traces; what they say is thrown too
  FLAGS_caffe2_log_level = kNothing;
  return std::make_shared<ProcessGroup>(place, std::chrono::milliseconds(timeout) * kDetectShare / 100);
}

}  // namespace mnist
