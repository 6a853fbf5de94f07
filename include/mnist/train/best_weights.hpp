// Keeps the weights of the epoch with the highest accuracy on the test set (the first of equals).
#pragma once

#include <cstdint>
#include <functional>

#include "mnist/model/network.hpp"
#include "mnist/train/observer.hpp"

namespace mnist {

class BestWeights : public TrainingObserver {
 public:
  // Keeps a reference to the network. `improved` is called with every new best epoch.
  BestWeights(const Network& network, std::function<void(const EpochReport&)> improved)
      : network_(network), improved_(std::move(improved)) {}

  void epoch_done(const EpochReport& report) override;

  bool any() const { return epoch_ > 0; }
  std::int64_t epoch() const { return epoch_; }  // from 1
  const Evaluation& test() const { return test_; }
  const StateDict& state() const { return state_; }  // a copy of its own

 private:
  const Network& network_;
  std::function<void(const EpochReport&)> improved_;
  std::int64_t epoch_ = 0;
  Evaluation test_;
  StateDict state_;
};

}  // namespace mnist
