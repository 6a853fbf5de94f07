// The output of `mnist bench` on stdout: tables, or one JSON object per line. Every function returns complete lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench_advice.hpp"
#include "bench_figures.hpp"

namespace mnist::cli {

enum class BenchForm { text, json };

// The kinds of measurement, named as on the command line and in JSON.
enum class BenchWork { matmul, train, infer };
std::string bench_work_name(BenchWork work);

// "97.88 GFLOPS": operations per second, scaled by thousands to K, M, G, T, P or E, with 2 decimals.
std::string flops_text(double per_second);

// "5,230 images/s"
std::string images_text(double per_second);

// "43.7 TiB"
std::string memory_text(double bytes);

struct BenchDevice {
  std::string device;                   // "cpu", "cuda:0"
  std::string description;              // "cpu (2 threads)", "cuda:0 (NVIDIA H200, ...)"
  std::string cuda;                     // version of the runtime; empty if CUDA is not used
  std::optional<std::uint64_t> memory;  // bytes; nothing if unknown
  std::optional<std::uint64_t> memory_free;
};

struct BenchMachine {
  std::string version;               // of this program
  std::string libtorch;              // its version
  std::string cpu;                   // the processor's name
  int cores = 0;                     // available to this process
  std::vector<BenchDevice> devices;  // measured devices
};

std::string machine_lines(const BenchMachine& machine, BenchForm form);

// The head of a table; empty in JSON.
std::string heading_lines(BenchWork work, BenchForm form);

// A row. `skipped`: why there is no figure, or empty.
std::string product_line(const ProductFigure& figure, const std::string& skipped, BenchForm form);
std::string batch_line(BenchWork work, const BatchFigure& figure, const std::string& skipped, BenchForm form);

std::string advice_lines(const std::vector<Advice>& advice, BenchForm form);

}  // namespace mnist::cli
