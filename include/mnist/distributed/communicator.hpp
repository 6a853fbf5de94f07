// Communication between the processes (ranks 0 .. size-1) that train one run together. Only rank 0, the leader, prints
// and writes files. A single process uses a communicator of size 1, so callers need no special case.
//
// All ranks compute the same steps, and all of them call the collective functions (those that involve all ranks) in the
// same order. A collective function waits for the other ranks while they are alive. If a rank is lost, it throws an
// `Error` of kind rank_lost on one rank, which reports it to the user, and `EndedElsewhere` on the others.
//
// Not for starting processes, not for gather or scatter. `join.hpp` connects the ranks.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <torch/types.h>

namespace mnist {

// Thrown if another rank ended the run: this rank must exit with the same exit code. It prints nothing if `stop` is
// empty, because the other rank reports the reason. If the other rank was asked to stop, `stop` names the signal
// ("SIGTERM of rank 1"), and it is not yet reported.
class EndedElsewhere : public std::exception {
 public:
  explicit EndedElsewhere(int exit_code, std::string stop = "") : exit_code_(exit_code), stop_(std::move(stop)) {}
  int exit_code() const { return exit_code_; }
  const std::string& stop() const { return stop_; }
  const char* what() const noexcept override { return "another process ended the run"; }

 private:
  int exit_code_;
  std::string stop_;
};

// A sum (all-reduce) in flight. Keeps its tensor alive.
class Transfer {
 public:
  virtual ~Transfer() = default;
  // Waits until the tensor holds the sum.
  virtual void wait() = 0;
};

class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  bool leads() const { return rank() == 0; }

  // Number of ranks that share this rank's processors, including this rank.
  virtual int ranks_on_same_processors() const = 0;

  // Starts an all-reduce: replaces the tensor of every rank by the sum over all ranks, with the same bytes on all
  // ranks. `tensor`: contiguous, of the same type and shape on all ranks; do not access it before `Transfer::wait`.
  virtual std::unique_ptr<Transfer> begin_sum(const torch::Tensor& tensor) = 0;
  void sum(const torch::Tensor& tensor) { begin_sum(tensor)->wait(); }

  // Replaces the tensor of every rank by that of rank 0. `tensor`: contiguous.
  virtual void broadcast(const torch::Tensor& tensor) = 0;
  // Returns rank 0's text, of any length, on every rank.
  std::string broadcast_text(const std::string& text);

  // Returns true on all ranks if `value` is true on any rank.
  bool any(bool value);

  // Barrier: waits until all ranks call it. Call it before the process exits, because other ranks may still need the
  // store of rank 0.
  virtual void barrier() = 0;

  // Call it before this rank exits on its own, because of an error or a stop request. The other ranks exit with the
  // same exit code. `stop`: the signal ("SIGTERM"), or empty for an error. Returns whether this rank must report the
  // reason to the user: all ranks may have the same error.
  virtual bool leave(int exit_code, const std::string& stop) noexcept = 0;

 protected:
  Communicator() = default;
};

// This process alone.
std::shared_ptr<Communicator> single_process();

// The part of `count` rows that this rank computes. The sizes of the parts differ by at most one row; rank 0's part is
// not empty unless `count` is 0.
struct Rows {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t count() const { return end - begin; }
};
Rows rows_of(const Communicator& ranks, std::int64_t count);

// Divides `order` (int64) into batches of `batch_size` and returns this rank's rows of all batches, one batch after the
// other: int64 [M].
torch::Tensor own_rows(const Communicator& ranks, const torch::Tensor& order, std::int64_t batch_size);

}  // namespace mnist
