// The processes that train one run together, as the training loop sees them. Each is a rank, 0 .. size-1; rank 0 leads:
// it alone prints and writes. One process alone is a communicator of size 1, so that nothing above asks which it has.
//
// Ranks compute the same steps in the same order, and each member function that speaks of all ranks is called by all of
// them, in the same order. It waits for the others as long as they live, and throws if one of them is gone: an `Error`
// of kind rank_lost on one rank, which tells the user, and `EndedElsewhere` on the others.
//
// Not for starting processes, and not for data that differ from rank to rank. How ranks find each other: `join.hpp`.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <torch/types.h>

namespace mnist {

// Thrown where another rank ended the run: this one ends with the same exit code. In silence, for the other one tells
// the user why; but if it was asked to stop, `stop` says by what ("SIGTERM of rank 1"), and nobody has told of it.
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

// A sum in flight. Keeps its tensor alive.
class Transfer {
 public:
  virtual ~Transfer() = default;
  // Returns when the tensor holds the sum.
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

  // Ranks that run on the same processors as this one, itself included: they share them.
  virtual int sharers() const = 0;

  // Begins to replace the tensor of every rank by the sum of all ranks' tensors, of the same type and shape: the same
  // bytes on all ranks. `tensor`: contiguous; not touched before `Transfer::wait`.
  virtual std::unique_ptr<Transfer> begin_sum(const torch::Tensor& tensor) = 0;
  void sum(const torch::Tensor& tensor) { begin_sum(tensor)->wait(); }

  // Replaces the tensor of every rank by rank 0's. `tensor`: contiguous.
  virtual void broadcast(const torch::Tensor& tensor) = 0;
  // Rank 0's text, of any length.
  std::string broadcast_text(const std::string& text);

  // Whether it is true on any rank.
  bool any(bool value);

  // Returns when all ranks are here. Before ranks end, of which rank 0 may be the one that the others ask.
  virtual void meet() = 0;

  // Before this rank ends by itself, because of an error or because it was asked to `stop` ("SIGTERM"; else empty): the
  // others end with that exit code too. Whether this is the rank that tells the user: all may have the same error.
  virtual bool leave(int exit_code, const std::string& stop) noexcept = 0;

 protected:
  Communicator() = default;
};

// This process alone.
std::shared_ptr<Communicator> single_process();

// The part of `count` rows that a rank computes. Parts differ by one row at most; rank 0's is never empty if `count` is
// not 0.
struct Rows {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t count() const { return end - begin; }
};
Rows rows_of(const Communicator& ranks, std::int64_t count);

// The positions begin .. end-1 of `order` in batches of `batch_size`, of which only this rank's rows are left, one
// batch after the other: int64 [M].
torch::Tensor own_rows(const Communicator& ranks, const torch::Tensor& order, std::int64_t batch_size);

}  // namespace mnist
