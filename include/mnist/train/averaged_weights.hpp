// An exponential moving average of a network's weights over the steps of a run, after B. Polyak and A. Juditsky (SIAM
// J. Control Optim. 30, 1992). It is mostly better than the weights of any one step, with which training itself goes
// on.
#pragma once

#include <cstdint>

#include "mnist/format/named_tensors.hpp"

namespace mnist {

class AveragedWeights {
 public:
  // Begins with a copy of `values`: those parameters and buffers that training changes, whose memory it shares. 0 <
  // decay < 1.
  AveragedWeights(NamedTensors values, double decay);

  // After step number `step` of the run, counted from 1: average = d * average + (1 - d) * value, where d is `decay`,
  // but at most (1 + step) / (10 + step), so that the first weights are soon forgotten (as TensorFlow's
  // ExponentialMovingAverage does it). Of what holds no fractions (BatchNorm's counters) it is the value.
  void update(std::int64_t step);

  // Exchanges the values with the averages: before and after the network is evaluated. Memory stays where it is.
  void swap();

  // By the values' names. Shares memory.
  const NamedTensors& state() const { return averages_; }

  // Continues with a copy of such a state. Throws a data `Error` if it is not one of these values.
  void restore(const NamedTensors& state);

 private:
  double decay_;
  NamedTensors values_;
  NamedTensors averages_;
};

}  // namespace mnist
