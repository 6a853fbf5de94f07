// The figures of `mnist bench`, for advice (`bench_advice.hpp`) and output (`bench_output.hpp`).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mnist/train/speed.hpp"

namespace mnist::cli {

// Where it was computed.
struct Setting {
  std::string device;     // "cpu", "cuda:0"
  std::string precision;  // "fp32", "tf32" or "bf16"
  int threads = 0;        // 0: not on a CPU
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

// One training step, or one inference, for a batch of images.
struct BatchFigure {
  std::string arch;
  Setting setting;
  std::int64_t batch_size = 0;
  Timing timing;

  double rate() const { return static_cast<double>(batch_size) / timing.seconds; }  // images per second
};

struct BenchFigures {
  int cores = 0;                     // available to this process
  std::optional<double> free_cores;  // of them not used by others before or after; nothing if unknown
  std::vector<ProductFigure> products;
  std::vector<BatchFigure> training;
  std::vector<BatchFigure> inference;

  bool empty() const { return products.empty() && training.empty() && inference.empty(); }
};

}  // namespace mnist::cli
