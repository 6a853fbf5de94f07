// What `mnist bench` has measured. Advice is made of it (`bench_advice.hpp`), and lines are (`bench_output.hpp`).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mnist/train/speed.hpp"

namespace mnist::cli {

// What computed.
struct Setting {
  std::string device;     // "cpu", "cuda:0"
  std::string precision;  // "fp32", "tf32" or "bf16"
  int threads = 0;        // 0: another device than the CPU, which has no use for them
};

// One product of two matrices [size, size].
struct ProductFigure {
  Setting setting;
  std::int64_t size = 0;
  Timing timing;

  double operations() const {
    const auto n = static_cast<double>(size);
    return 2 * n * n * n;
  }
  double rate() const { return operations() / timing.seconds; }  // a second
  // Bytes of the two matrices.
  std::int64_t memory() const { return 2 * size * size * (setting.precision == "bf16" ? 2 : 4); }
};

// One step of training, or one answer, for a batch of images.
struct BatchFigure {
  std::string arch;
  Setting setting;
  std::int64_t batch_size = 0;
  Timing timing;

  double rate() const { return static_cast<double>(batch_size) / timing.seconds; }  // images a second
};

struct BenchFigures {
  int cores = 0;                     // that this process may use
  std::optional<double> free_cores;  // of them what nobody else used, before or after; nothing where that is not known
  std::vector<ProductFigure> products;
  std::vector<BatchFigure> training;
  std::vector<BatchFigure> inference;

  bool empty() const { return products.empty() && training.empty() && inference.empty(); }
};

}  // namespace mnist::cli
