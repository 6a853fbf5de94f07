// Advice from the figures of `mnist bench` for training and inference on this machine: number of threads, precision,
// batch size, and whether a second process is faster. Pure functions of the figures.
//
// One rule applies everywhere: choices are in order of preference (fewer threads, higher precision, smaller batches),
// and the first one that reaches 95 % of the best rate is recommended.
#pragma once

#include <string>
#include <vector>

#include "bench_figures.hpp"

namespace mnist::cli {

struct Advice {
  std::string about;    // "train cnn on cpu"
  std::string topic;    // "device", "threads", "precision", "batch size", "processes" or "noise"
  std::string text;     // with the figures
  std::string options;  // recommended options: "--threads 4"; may be empty
};

// Advice in the order of the figures; omits topics without measured alternatives. If other programs used the cores,
// the only entry says so ("noise"): figures that are not reliable give no advice.
std::vector<Advice> advice(const BenchFigures& figures);

}  // namespace mnist::cli
