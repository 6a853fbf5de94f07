// What libmnist_cuda.so, beside the program, adds to a run on an NVIDIA GPU: operators fused where launches would cost
// more than their work, and CUDA graphs. Everything works without it, more slowly. It is built where the CUDA toolkit
// is, against the same LibTorch and headers as the program, and loaded after CUDA itself (`cuda_library.hpp`).
//
// All tensors are on one GPU, on which everything is put in the current stream's queue; nothing waits for it but
// `on_own_stream`.
//
// What changes from step to step is on the GPU too, so that one recorded step serves a whole run: a clock that holds
// (epoch, step), and tables with a row for each step of the epoch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>
#include <torch/version.h>

#include "mnist/device/cuda_terms.hpp"

namespace mnist {

// Dropout of one layer, by the rule of `model/dropout.hpp`; epoch and step are the clock's.
struct CudaDropout {
  torch::Tensor clock;  // int64 [2]; undefined: nothing is dropped
  std::uint64_t seed = 0;
  std::int32_t layer = 0;
  std::uint32_t threshold = 0;  // of 65536: below it an element is dropped
  float scale = 1;              // of what is kept
};

// Photos of any sizes on the GPU, and which part of each position's photo is shown in this epoch.
struct CudaPhotos {
  torch::Tensor pixels;  // uint8: [3, height, width] of each photo, one after the other
  torch::Tensor places;  // int64 [M, kCudaPlaceColumns]
  torch::Tensor labels;  // int64 [M]
  torch::Tensor order;   // int64 [positions]
  torch::Tensor crops;   // int64 [positions, kCudaCropColumns]
};

// Work that was recorded once and is repeated as a whole.
class CudaGraph {
 public:
  virtual ~CudaGraph() = default;
  virtual void replay() = 0;
};

class CudaPlugin {
 public:
  virtual ~CudaPlugin() = default;

  // Row r of the batch is item order[step * batch_size + r]; the last batch of an epoch may have fewer rows. images:
  // uint8 [M, C, H, W]; labels, order: int64; inputs: float [rows, C, H, W], (pixel / 255 - mean) / std of its channel;
  // targets: int64 [rows].
  virtual void gather(const torch::Tensor& images, const torch::Tensor& labels, const torch::Tensor& order,
                      const torch::Tensor& clock, std::int64_t batch_size, const std::vector<double>& mean,
                      const std::vector<double>& std, torch::Tensor& inputs, torch::Tensor& targets) const = 0;

  // The same of photos, whose crops are brought to the inputs' size as `apply` (data/augment.hpp) does it, up to one of
  // the 255 steps of a colour where a mean lies between two. inputs: float [rows, 3, H, W], channels last.
  virtual void crop(const CudaPhotos& photos, const torch::Tensor& clock, std::int64_t batch_size,
                    const std::vector<double>& mean, const std::vector<double>& std, torch::Tensor& inputs,
                    torch::Tensor& targets) const = 0;

  // dropout(max_pool2d(relu(x), 2)). x: float or bf16 [N, C, H, W] with even sides, contiguous or channels last.
  // Returns [N, C * H/2 * W/2] of x's type; `winner`, uint8 of the same shape, gets what the backward pass needs.
  virtual torch::Tensor relu_pool_dropout(const torch::Tensor& x, const CudaDropout& dropout,
                                          torch::Tensor& winner) const = 0;
  // The gradient of x, in x's order of memory, from that of the result.
  virtual torch::Tensor relu_pool_dropout_backward(const torch::Tensor& gradient, const torch::Tensor& winner,
                                                   const torch::Tensor& x, float scale) const = 0;

  // dropout(relu(x)) of x: float or bf16 [N, ...], contiguous; and the gradient of x from the result's and the result.
  virtual torch::Tensor relu_dropout(const torch::Tensor& x, const CudaDropout& dropout) const = 0;
  virtual torch::Tensor relu_dropout_backward(const torch::Tensor& gradient, const torch::Tensor& result,
                                              float scale) const = 0;

  // nll_loss(log_softmax(logits), targets) and the gradient of the logits at once. logits: float or bf16 [N, classes];
  // losses, correct: float [steps], which get the mean loss and the number of rows whose largest logit is the target.
  // Returns the gradient, of the logits' type.
  virtual torch::Tensor loss(const torch::Tensor& logits, const torch::Tensor& targets, const torch::Tensor& clock,
                             torch::Tensor& losses, torch::Tensor& correct) const = 0;

  // One update of all parts. rates: double [steps, kCudaRateColumns].
  virtual void update(const CudaUpdate& update, const std::vector<CudaUpdatePart>& parts, const torch::Tensor& rates,
                      const torch::Tensor& clock) const = 0;

  // The clock goes on by a step.
  virtual void advance(torch::Tensor& clock) const = 0;

  // Calls `work` with `device` and a stream of its own as the current ones, after and before what other streams do. The
  // default stream cannot be recorded.
  virtual void on_own_stream(const c10::Device& device, const std::function<void()>& work) const = 0;

  // Records what `work` puts into the queue, which is not carried out. What it allocates stays the graph's. Throws
  // c10::Error where something in it cannot be recorded.
  virtual std::unique_ptr<CudaGraph> record(const std::function<void()>& work) const = 0;
};

// What both sides of the interface must have been built with: its own version and LibTorch's.
inline constexpr const char* kCudaPluginVersion = "3 LibTorch " TORCH_VERSION;

// The plug-in's file, beside the program or in ../lib/mnist; empty where there is none.
std::filesystem::path cuda_plugin_file();

// After a successful `load_cuda`; loaded once, and tried on `device`, the GPU of this process. nullptr where it is not
// there, does not load, was built for another LibTorch or does not run on that GPU: `why` says it, one sentence without
// full stop.
const CudaPlugin* cuda_plugin(const c10::Device& device, std::string& why);

}  // namespace mnist
