// Loss and accuracy of a network on a labelled data set.
#pragma once

#include <cstdint>
#include <functional>

#include "mnist/core/recipe.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/model/network.hpp"

namespace mnist {

struct Evaluation {
  double loss = 0;  // mean negative log-likelihood an item
  std::int64_t correct = 0;
  std::int64_t total = 0;  // items looked at
  bool stopped = false;    // by `stop_requested`, before the end

  double accuracy() const { return total == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(total); }
};

struct EvaluationOptions {
  c10::Device device = c10::kCPU;  // where network and data set are
  Precision precision = Precision::fp32;
  std::int64_t batch_size = 1000;
  std::int64_t limit_batches = 0;                               // stop after so many; 0: all
  std::function<bool()> stop_requested = [] { return false; };  // asked between two batches
};

// In eval mode and without gradients; the network's mode is put back. The loss of a batch is summed in fp32 and the
// batches in double, as the reference programs do it, so that the figures agree to the last digit printed.
Evaluation evaluate(Network& network, const Dataset& dataset, const Preprocessing& preprocessing,
                    const EvaluationOptions& options);

}  // namespace mnist
