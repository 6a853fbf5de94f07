// Loss and accuracy of a network on a labelled data set. For figures by class see `classification_report.hpp`.
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
  double loss = 0;  // mean negative log-likelihood per item
  std::int64_t correct = 0;
  std::int64_t total = 0;  // evaluated items
  bool stopped = false;    // `stop_requested` returned true before the end

  double accuracy() const { return total == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(total); }
};

// What the batches contain: images, or the results of the network's `features`, so that only its head runs.
enum class Inputs { images, features };

struct EvaluationOptions {
  Compute compute;  // `kernels` is not used: set them with `Network::use_kernels`
  std::int64_t batch_size = 1000;
  std::int64_t limit_batches = 0;  // evaluate at most so many batches; 0: all
  bool spread =
      false;  // with `limit_batches`: items in even steps over the whole set, for sets in the order of classes
  std::function<bool()> stop_requested = [] { return false; };  // called between two batches
  Inputs inputs = Inputs::images;
  // Each rank computes its rows of every batch; all ranks get the whole result. If `stop_requested` is true on any
  // rank, all ranks stop.
  std::shared_ptr<Communicator> ranks = single_process();
  // Called after each batch with the log-probabilities [N, classes] and targets [N] of this rank's rows, on the device,
  // in the order of the data set.
  std::function<void(const torch::Tensor& log_probabilities, const torch::Tensor& targets)> each_batch;
  // Called at the start and after each batch with the number of evaluated items of all ranks, and of all items. On a
  // GPU the work of a batch is then queued, not done.
  std::function<void(std::int64_t done, std::int64_t all)> progress;
};

// The items that `evaluate` takes from a data set of so many, in its order: int64 [M].
torch::Tensor evaluated_items(std::int64_t size, const EvaluationOptions& options);

// Evaluates in eval mode and without gradients; restores the network's mode afterwards. Losses are summed in fp32 in a
// batch and in double over batches, as in the reference programs, so that the printed digits agree.
Evaluation evaluate(Network& network, Batches& batches, const EvaluationOptions& options);

}  // namespace mnist
