#include "mnist/train/best_weights.hpp"

namespace mnist {

void BestWeights::epoch_done(const EpochReport& report) {
  if (any() && report.test.accuracy() <= test_.accuracy()) return;
  epoch_ = report.train.epoch;
  test_ = report.test;
  state_ = state_dict(network_);
  for (auto& [name, tensor] : state_) tensor = tensor.detach().clone();
  improved_(report);
}

}  // namespace mnist
