// Sums the gradients of all ranks that share a batch (all-reduce). Parameters are grouped in buckets, from the last to
// the first, in the order of the backward pass. The sum of a bucket starts when its last gradient is ready, and is in
// flight while the backward pass continues (S. Li et al., PyTorch Distributed, arXiv 2006.15704).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <torch/types.h>

#include "mnist/distributed/communicator.hpp"

namespace mnist {

class GradientSum {
 public:
  // All parameters must have the same type and device. With a single rank, this object does nothing.
  GradientSum(const std::vector<torch::Tensor>& parameters, std::shared_ptr<Communicator> ranks);
  ~GradientSum();
  GradientSum(const GradientSum&) = delete;
  GradientSum& operator=(const GradientSum&) = delete;

  // Call it before the backward pass.
  void begin();

  // Call it after the backward pass, or instead of it if this rank has no rows. Waits for the sums and stores them as
  // the gradients of the parameters. A parameter without gradient on this rank gets the sum of the other ranks.
  void finish();

  // Total seconds that `finish` waited: the communication that the backward pass did not hide.
  double exposed_seconds() const { return exposed_seconds_; }

 private:
  struct Part {  // the gradient of one parameter in a bucket
    torch::Tensor parameter;
    torch::Tensor sum;  // a view of the bucket, with the parameter's strides
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
  void add_gradient(std::size_t bucket, std::size_t part, const torch::Tensor& gradient);
  void start_ready_buckets();

  std::shared_ptr<Communicator> ranks_;
  std::vector<Bucket> buckets_;
  std::size_t started_ = 0;  // number of started buckets; the order is the same on every rank
  double exposed_seconds_ = 0;
};

}  // namespace mnist
