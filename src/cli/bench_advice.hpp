// What follows from the figures of `mnist bench` for who trains or infers on this machine: how many threads, which
// precision, which batch size, and whether a second process pays. Pure functions of the figures.
//
// One rule decides everywhere: of choices in the order in which one would rather have them (fewer threads, more exact,
// smaller batches) the first that reaches 95 % of the best rate.
#pragma once

#include <string>
#include <vector>

#include "bench_figures.hpp"

namespace mnist::cli {

struct Advice {
  std::string about;    // "train cnn on cpu"
  std::string topic;    // "device", "threads", "precision", "batch size", "processes" or "noise"
  std::string text;     // with the figures that it follows from
  std::string options;  // to give: "--threads 4"; empty where there is nothing to give
};

// By what was measured, in the order of the figures; nothing about what has no alternative among them. Where others
// computed beside it, that comes first.
std::vector<Advice> advice(const BenchFigures& figures);

}  // namespace mnist::cli
