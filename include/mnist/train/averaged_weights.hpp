// An exponential moving average (EMA) of a network's weights over the steps of a run, after B. Polyak and A. Juditsky
// (SIAM J. Control Optim. 30, 1992). The averaged network is usually better than that of any single step. Training
// itself continues with the weights of the last step.
#pragma once

#include <cstdint>

#include "mnist/format/named_tensors.hpp"

namespace mnist {

class AveragedWeights {
 public:
  // `values`: the parameters and buffers that training changes; this object shares their memory. The average starts as
  // a copy of them. 0 < decay < 1.
  AveragedWeights(NamedTensors values, double decay);

  // Call it after step number `step` of the run, counted from 1. Computes average = d * average + (1 - d) * value with
  // d = min(decay, (1 + step) / (10 + step)), so that the first weights soon lose their influence (like TensorFlow's
  // ExponentialMovingAverage). For integer tensors (BatchNorm's counters) the average is the value.
  void update(std::int64_t step);

  // Exchanges the contents of values and averages: call it before and after an evaluation. Addresses do not change.
  void swap();

  // The averages by the names of the values. Shares memory.
  const NamedTensors& state() const { return averages_; }

  // Continues from a copy of such a state. Throws a data `Error` if its names or shapes are not those of the values.
  void restore(const NamedTensors& state);

 private:
  double decay_;
  NamedTensors values_;
  NamedTensors averages_;
};

}  // namespace mnist
