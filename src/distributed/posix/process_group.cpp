// The only file that uses c10d: its TCPStore and its Gloo process group.
#include <exception>
#include <optional>
#if defined(__GLIBC__)
#include <nss.h>
#endif
#include <thread>
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

// Share of the timeout for detecting a lost rank. The rest is for reporting it, and for the launcher to end stopped
// ranks.
constexpr int kDetectionShare = 50;    // %
constexpr const char* kLost = "lost";  // the report of a rank that leaves because another one is lost

class ProcessGroup final : public Communicator {
 public:
  ProcessGroup(const Place& place, std::chrono::milliseconds timeout);

  int rank() const override { return place_.rank; }
  int size() const override { return place_.size; }
  int ranks_on_same_processors() const override { return ranks_on_same_processors_; }
  std::unique_ptr<Transfer> begin_sum(const torch::Tensor& tensor) override;
  void broadcast(const torch::Tensor& tensor) override;
  void barrier() override;
  bool leave(int exit_code, const std::string& stop) noexcept override;

 private:
  friend class Sum;

  struct Heartbeat {
    std::int64_t count = -1;
    Clock::time_point since;  // time of the last observed change
  };
  using Heartbeats = std::vector<Heartbeat>;  // by rank

  void wait_for_ranks();
  void connect();
  void wait(const c10::intrusive_ptr<c10d::Work>& work);
  void check(Heartbeats& heartbeats);
  void wait_for_all(const std::string& key);
  // An exception of c10d means that a rank is lost.
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
      report_lost_ranks(reason_of(error));
    }
  }
  [[noreturn]] void report_lost_ranks(const std::string& symptom);
  std::vector<std::optional<std::string>> wait_for_reports();
  bool is_reported();
  void leave_store();
  std::chrono::milliseconds report_time() const { return std::min(kReportTimeout, timeout_ / 5); }

  Place place_;
  std::chrono::milliseconds timeout_;
  SharedStore store_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
  int ranks_on_same_processors_ = 1;
  std::int64_t barriers_ = 0;
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
    wait_for_ranks();
    connect();
  });
}

// Waits for all ranks, to throw a clear message: Gloo would only report a missing key.
void ProcessGroup::wait_for_ranks() {
  if (store_.add(key_of("claim", rank()), 1) != 1) {
    throw Error(ErrorKind::rank_lost,
                fmt::format("another process is already rank {} at {}:{}", rank(), place_.address, place_.port),
                "another run uses that address: set another MASTER_PORT");
  }
  const std::string processors = host_name() + ": " + allowed_processors();
  store_.set(key_of("who", rank()), fmt::format("{}, process {}", host_name(), process_id()));
  store_.set(key_of("processors", rank()), processors);
  store_.watch(key_of("beat", rank()));
  const Clock::time_point end = Clock::now() + timeout_;
  for (std::int64_t came = store_.add("came", 1); came < size(); came = store_.count("came")) {
    if (store_.has_left()) report_lost_ranks("another rank left");
    if (Clock::now() > end) report_lost_ranks(fmt::format("{} of {} ranks connected in time", came, size()));
    std::this_thread::sleep_for(20ms);
  }
  ranks_on_same_processors_ = 0;
  for (int other = 0; other < size(); ++other) {
    if (store_.get(key_of("processors", other)) == processors) ++ranks_on_same_processors_;
  }
}

void ProcessGroup::connect() {
  const auto open = [place = place_, store = store_.c10d()](c10d::Store& /*store*/) {
    using Gloo = c10d::ProcessGroupGloo;
    const auto options = Gloo::Options::create(24h);  // `wait` has its own timeout
    options->devices.push_back(place.one_machine         ? Gloo::createDeviceForHostname("127.0.0.1")
                               : place.interface.empty() ? Gloo::createDefaultDevice()
                                                         : Gloo::createDeviceForInterface(place.interface));
    return c10::make_intrusive<Gloo>(store, place.rank, place.size, options);
  };
  gloo_ = store_.call(open);
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

// Waits as long as all ranks are alive: a rank may be slow because of a terminal or a disk, like a single process.
// Waits in slices, because a rank that detects a lost rank leaves without closing its connections.
void ProcessGroup::wait(const c10::intrusive_ptr<c10d::Work>& work) {
  std::optional<Heartbeats> heartbeats;
  while (true) {
    try {
      work->wait(kCheckInterval);
      return;
    } catch (const std::exception& error) {
      // It may have completed in the meantime.
      if (work->isCompleted() && work->exception() == nullptr) return;
      if (work->isCompleted()) report_lost_ranks(reason_of(error));
    }
    if (!heartbeats) heartbeats.emplace(static_cast<std::size_t>(size()));
    guarded([&] { check(*heartbeats); });
  }
}

// Ends the run if another rank has left or has shown no sign of life during the timeout.
void ProcessGroup::check(Heartbeats& heartbeats) {
  if (store_.has_left()) report_lost_ranks("another rank left");
  for (int other = 0; other < size(); ++other) {
    Heartbeat& its = heartbeats[static_cast<std::size_t>(other)];
    const std::int64_t count = store_.count(key_of("beat", other));
    if (count != its.count) its = {count, Clock::now()};
    if (Clock::now() - its.since > timeout_) report_lost_ranks("no answer in time");
  }
}

void ProcessGroup::barrier() {
  guarded([&] {
    const std::string key = fmt::format("barrier/{}", barriers_++);
    wait_for_all(key);
    // Rank 0 serves the store and may exit after this, so it waits until the others have seen that all ranks are here.
    const std::string seen = key + "/seen";
    if (!leads()) store_.add(seen, 1);
    for (const Clock::time_point end = Clock::now() + timeout_; leads() && Clock::now() < end;) {
      if (store_.count(seen) == size() - 1) break;
      std::this_thread::sleep_for(1ms);
    }
  });
}

void ProcessGroup::wait_for_all(const std::string& key) {
  Heartbeats heartbeats(static_cast<std::size_t>(size()));
  Clock::time_point look = Clock::now() + kCheckInterval;
  for (std::int64_t here = store_.add(key, 1); here < size(); here = store_.count(key)) {
    std::this_thread::sleep_for(5ms);
    if (Clock::now() < look) continue;
    look = Clock::now() + kCheckInterval;
    check(heartbeats);
  }
}

bool ProcessGroup::leave(int exit_code, const std::string& stop) noexcept {
  if (std::exchange(left_, true)) return true;
  store_.shorten_timeout();
  try {
    const std::string reason = stop.empty() ? "" : fmt::format("{} of rank {}", stop, rank());
    store_.set(key_of("left", rank()), fmt::format("{} {}", exit_code, reason));
    store_.add("left", 1);
    const bool reports = leads() || !is_reported();
    if (reports) store_.add("reported", 1);
    leave_store();
    return reports;
  } catch (const std::exception&) {
    return true;  // no other rank is left
  }
}

// Whether another rank reports the error to the user. If all ranks have the same error, rank 0 does.
bool ProcessGroup::is_reported() {
  for (const Clock::time_point end = Clock::now() + kCheckInterval; Clock::now() < end;) {
    const std::optional<std::string> first = store_.find(key_of("left", 0));
    if ((first && *first != kLost) || store_.count("reported") > 0) return true;
    std::this_thread::sleep_for(20ms);
  }
  return false;
}

// The last use of the store. Rank 0 serves it and waits until the others no longer need it.
void ProcessGroup::leave_store() {
  store_.add("left_store", 1);
  const Clock::time_point end = Clock::now() + report_time();
  while (leads() && !place_.is_served && store_.count("left_store") < size() && Clock::now() < end) {
    std::this_thread::sleep_for(20ms);
  }
}

// Waits a moment until all other ranks have left. Returns their reports by rank; nothing for ranks without report.
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

// Finds out which ranks are lost. The first of the remaining ranks throws the error for the user.
void ProcessGroup::report_lost_ranks(const std::string& symptom) {
  // Does not close the connections properly, because that would wait for ranks that do not respond.
  static_cast<void>(gloo_.release());
  store_.shorten_timeout();
  std::vector<std::string> gone;
  int first = 0;
  try {
    left_ = true;
    store_.set(key_of("left", rank()), kLost);
    store_.add("left", 1);
    const std::vector<std::optional<std::string>> reports = wait_for_reports();
    for (const std::optional<std::string>& how : reports) {
      if (!how || *how == kLost) continue;
      leave_store();
      throw EndedElsewhere(std::stoi(*how), how->substr(how->find(' ') + 1));
    }
    for (int other = 0; other < size(); ++other) {
      if (reports[static_cast<std::size_t>(other)]) continue;
      gone.push_back(fmt::format("{} ({})", other, store_.find(key_of("who", other)).value_or("never came")));
      if (other == first) ++first;
    }
    leave_store();
  } catch (const EndedElsewhere&) {
    throw;
  } catch (const std::exception&) {
    // The store is lost, or stopped, together with the process that serves it.
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
  // c10d does a reverse lookup of every address that it connects to, and a name server that does not respond costs 5 s.
  if (place.one_machine && !place.is_served) __nss_configure_lookup("hosts", "files");
#endif
  constexpr int kNothing = 4;  // c10d's warnings contain stack traces; the same errors are also thrown
  FLAGS_caffe2_log_level = kNothing;
  return std::make_shared<ProcessGroup>(place, std::chrono::milliseconds(timeout) * kDetectionShare / 100);
}

}  // namespace mnist
