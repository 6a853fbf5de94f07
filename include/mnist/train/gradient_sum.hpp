// The gradients of a batch whose rows several ranks compute: the sum of theirs. Parameters are taken in parts
// ("buckets"), from the last to the first, as the backward pass comes to them; the sum of a bucket begins as soon as
// its last gradient is there, and is in flight while the pass goes on (S. Li et al., PyTorch Distributed, arXiv
// 2006.15704).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <torch/types.h>

#include "mnist/distributed/communicator.hpp"

namespace mnist {

class GradientSum {
 public:
  // Parameters of one type and device. One rank alone has nothing to sum: nothing is done then.
  GradientSum(const std::vector<torch::Tensor>& parameters, std::shared_ptr<Communicator> ranks);
  ~GradientSum();
  GradientSum(const GradientSum&) = delete;
  GradientSum& operator=(const GradientSum&) = delete;

  // Before the backward pass.
  void begin();

  // After it, or instead of it where this rank has no row: waits for the sums, which stand in the parameters'
  // gradients then. Of a parameter that has no gradient here, the others' counts.
  void finish();

  // Seconds that `finish` has waited, in all: what the backward pass did not hide.
  double exposed_seconds() const { return exposed_seconds_; }

 private:
  struct Part {  // of a bucket: a parameter's gradient
    torch::Tensor parameter;
    torch::Tensor sum;  // in the parameter's order of memory, within the bucket
    unsigned hook = 0;
    bool ready = false;
  };
  struct Bucket {
    torch::Tensor all;  // [elements]
    std::vector<Part> parts;
    std::size_t ready = 0;
    std::unique_ptr<Transfer> transfer;
  };

  void add_bucket(std::vector<torch::Tensor> parameters);
  void take(std::size_t bucket, std::size_t part, const torch::Tensor& gradient);
  void start_ready();

  std::shared_ptr<Communicator> ranks_;
  std::vector<Bucket> buckets_;
  std::size_t started_ = 0;  // buckets; in their order, which is the same on every rank
  double exposed_seconds_ = 0;
};

}  // namespace mnist
