// The interface of libmnist_cuda.so, an optional plug-in next to the program. On NVIDIA GPUs it provides fused
// operators, for work that is shorter than its kernel launches, and CUDA graphs. Without it everything works, but more
// slowly. Building it needs the CUDA toolkit and the same LibTorch and headers as the program. It is loaded after CUDA
// (`cuda_library.hpp`).
//
// All tensors are on one GPU. All functions put their work on the current stream and return without waiting; only
// `on_own_stream` waits for the GPU.
//
// Everything that changes from step to step is on the GPU, too, so that one recorded step can be replayed for the whole
// run: a clock that holds (epoch, step), and tables with one row per step of the epoch.
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

// Dropout of one layer, by the rule of `model/dropout.hpp`; the clock gives epoch and step.
struct CudaDropout {
  torch::Tensor clock;  // int64 [2]; undefined: nothing is dropped
  std::uint64_t seed = 0;
  std::int32_t layer = 0;
  std::uint32_t threshold = 0;  // an element is dropped if its number (0..65535) is below it
  float scale = 1;              // factor of kept elements
};

// Photos of any size on the GPU, and the crop of each position's photo in this epoch.
struct CudaPhotos {
  torch::Tensor pixels;  // uint8 [bytes]: the photos, each [3, height, width], one after the other
  torch::Tensor places;  // int64 [M, kCudaPlaceColumns]
  torch::Tensor labels;  // int64 [M]
  torch::Tensor order;   // int64 [positions]
  torch::Tensor crops;   // int64 [positions, kCudaCropColumns]
};

// A recorded sequence of GPU work that can be replayed as a whole.
class CudaGraph {
 public:
  virtual ~CudaGraph() = default;
  virtual void replay() = 0;
};

class CudaPlugin {
 public:
  virtual ~CudaPlugin() = default;

  // Makes a batch: its row r is item order[step * batch_size + r]. The last batch of an epoch may have fewer rows.
  // images: uint8 [M, C, H, W]; labels, order: int64; inputs: float [rows, C, H, W], (pixel / 255 - mean) / std of the
  // channel; targets: int64 [rows].
  virtual void gather(const torch::Tensor& images, const torch::Tensor& labels, const torch::Tensor& order,
                      const torch::Tensor& clock, std::int64_t batch_size, const std::vector<double>& mean,
                      const std::vector<double>& std, torch::Tensor& inputs, torch::Tensor& targets) const = 0;

  // The same for photos. Crops are resized to the inputs' size as in `apply` (data/augment.hpp); because of rounding, a
  // colour value can differ by 1 of 255. inputs: float [rows, 3, H, W], channels last.
  virtual void crop(const CudaPhotos& photos, const torch::Tensor& clock, std::int64_t batch_size,
                    const std::vector<double>& mean, const std::vector<double>& std, torch::Tensor& inputs,
                    torch::Tensor& targets) const = 0;

  // dropout(max_pool2d(relu(x), 2)). x: float or bf16 [N, C, H, W] with even sides, contiguous or channels last.
  // Returns [N, C * H/2 * W/2] of x's type. Sets `winner`, uint8 of the same shape, for the backward pass.
  virtual torch::Tensor relu_pool_dropout(const torch::Tensor& x, const CudaDropout& dropout,
                                          torch::Tensor& winner) const = 0;
  // Returns the gradient of x, with x's strides, from the gradient of the result.
  virtual torch::Tensor relu_pool_dropout_backward(const torch::Tensor& gradient, const torch::Tensor& winner,
                                                   const torch::Tensor& x, float scale) const = 0;

  // dropout(relu(x)). x: float or bf16 [N, ...], contiguous. The backward function returns the gradient of x from the
  // result and its gradient.
  virtual torch::Tensor relu_dropout(const torch::Tensor& x, const CudaDropout& dropout) const = 0;
  virtual torch::Tensor relu_dropout_backward(const torch::Tensor& gradient, const torch::Tensor& result,
                                              float scale) const = 0;

  // nll_loss(log_softmax(logits), targets) and its gradient in one call. logits: float or bf16 [N, classes]. Writes the
  // mean loss, and the number of rows whose largest logit is the target, to the clock's step of losses and correct,
  // float [steps]. Returns the gradient of the logits, of their type.
  virtual torch::Tensor loss(const torch::Tensor& logits, const torch::Tensor& targets, const torch::Tensor& clock,
                             torch::Tensor& losses, torch::Tensor& correct) const = 0;

  // Updates all parameters once. rates: double [steps, kCudaRateColumns].
  virtual void update(const CudaUpdate& update, const std::vector<CudaUpdatePart>& parts, const torch::Tensor& rates,
                      const torch::Tensor& clock) const = 0;

  // Advances the clock by one step.
  virtual void advance(torch::Tensor& clock) const = 0;

  // Calls `work` with `device` as current device and a separate stream as current stream. Synchronizes the device
  // before and after. For `record`, which cannot record the default stream.
  virtual void on_own_stream(const c10::Device& device, const std::function<void()>& work) const = 0;

  // Records the GPU work that `work` submits, without executing it. The graph owns the memory that `work` allocates.
  // Throws c10::Error if something in it cannot be recorded.
  virtual std::unique_ptr<CudaGraph> record(const std::function<void()>& work) const = 0;
};

// The version of this interface and of LibTorch. Program and plug-in must be built with the same one.
inline constexpr const char* kCudaPluginVersion = "3 LibTorch " TORCH_VERSION;

// Path of the plug-in, in the program's folder or in ../lib/mnist; empty if there is none.
std::filesystem::path cuda_plugin_file();

// Loads the plug-in and tries it on `device`, the GPU of this process. Later calls return the first result. Call it
// after a successful `load_cuda`. Returns nullptr if the plug-in is missing, does not load, was built for another
// LibTorch or does not run on that GPU; `why` then gives the reason, one sentence without full stop.
const CudaPlugin* cuda_plugin(const c10::Device& device, std::string& why);

}  // namespace mnist
