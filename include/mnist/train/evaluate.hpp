// Loss and accuracy of a network on a labelled data set. Figures by class: `classification_report.hpp`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "mnist/data/batches.hpp"
#include "mnist/distributed/communicator.hpp"
#include "mnist/model/network.hpp"
#include "mnist/train/compute.hpp"

namespace mnist {

struct Evaluation {
  double loss = 0;  // mean negative log-likelihood an item
  std::int64_t correct = 0;
  std::int64_t total = 0;  // items looked at
  bool stopped = false;    // by `stop_requested`, before the end

  double accuracy() const { return total == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(total); }
};

// What the batches hold: images, or what the network's `features` made of them, so that only its head is left to run.
enum class Inputs { images, features };

struct EvaluationOptions {
  Compute compute;  // its kernels are `Network::use_kernels`'s
  std::int64_t batch_size = 1000;
  std::int64_t limit_batches = 0;                               // stop after so many; 0: all
  std::function<bool()> stop_requested = [] { return false; };  // asked between two batches
  Inputs inputs = Inputs::images;
  // Each of them computes its part of every batch, and all have the whole result. `stop_requested` is asked of all.
  std::shared_ptr<Communicator> ranks = single_process();
  // Gets the log-probabilities [N, classes] and the targets [N] of this rank's part of each batch, on the device, in
  // the set's own order.
  std::function<void(const torch::Tensor& log_probabilities, const torch::Tensor& targets)> each_batch;
};

// In eval mode and without gradients; the network's mode is put back. The loss of a batch is summed in fp32 and the
// batches in double, as the reference programs do it, so that the figures agree to the last digit printed.
Evaluation evaluate(Network& network, Batches& batches, const EvaluationOptions& options);

}  // namespace mnist
