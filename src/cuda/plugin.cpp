// Implements `CudaPlugin`: checks the arguments and launches the kernels on the current stream.
#include <functional>
#include <memory>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/GradMode.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "mnist/device/cuda_plugin.hpp"

#include "arguments.hpp"
#include "kernels.hpp"

namespace mnist::cuda {
namespace {

cudaStream_t stream() {
  return c10::cuda::getCurrentCUDAStream().stream();
}

Type type_of(const torch::Tensor& tensor) {
  TORCH_CHECK(tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16,
              "fp32 or bf16 expected, not ", tensor.scalar_type());
  return tensor.scalar_type() == at::kBFloat16 ? Type::bf16 : Type::fp32;
}

void check_on_gpu(const torch::Tensor& tensor) {
  TORCH_CHECK(tensor.is_cuda(), "a tensor on the GPU expected");
}

// The backward pass runs on a separate thread, which has no CUDA context before its first kernel. If that is a matrix
// product, as here, LibTorch prints a warning.
void bring_backward_to_gpu(const c10::Device& device) {
  const c10::AutoGradMode on(true);
  at::zeros({1}, at::TensorOptions(device)).requires_grad_().exp().backward();
}

class Graph : public CudaGraph {
 public:
  explicit Graph(const std::function<void()>& work) {
    graph_.capture_begin(pool_);
    try {
      work();
    } catch (...) {
      try {
        end();
      } catch (const std::exception&) {
        // Report the first failure.
      }
      throw;
    }
    end();
  }

  void replay() override { graph_.replay(); }

 private:
  void end() {
    try {
      graph_.capture_end();
    } catch (...) {
      // If CUDA reports an invalid recording, LibTorch throws before it tells its allocators that the recording has
      // ended. They would allocate from the graph's pool forever, through a filter that belongs to the graph.
      unless_done([&] {
        const c10::DeviceIndex device = c10::cuda::current_device();
        c10::cuda::CUDACachingAllocator::endAllocateToPool(device, pool_);
        c10::cuda::CUDACachingAllocator::releasePool(device, pool_);
      });
      unless_done([&] {
        at::HostAllocator* const host = at::getHostAllocator(at::kCUDA);
        host->end_allocate_to_pool(pool_);
        host->release_pool(pool_);
      });
      throw;
    }
  }

  static void unless_done(const std::function<void()>& work) {
    try {
      work();
    } catch (const std::exception&) {
      // The allocator already knew.
    }
  }

  const c10::cuda::MempoolId_t pool_ = at::cuda::graph_pool_handle();
  at::cuda::CUDAGraph graph_;
};

class Plugin : public CudaPlugin {
 public:
  void gather(const torch::Tensor& images, const torch::Tensor& labels, const torch::Tensor& order,
              const torch::Tensor& clock, std::int64_t batch_size, const std::vector<double>& mean,
              const std::vector<double>& std, torch::Tensor& inputs, torch::Tensor& targets) const override {
    check_on_gpu(images);
    const Gather args = gather_arguments(images, labels, order, clock, batch_size, mean, std, inputs, targets);
    C10_CUDA_CHECK(launch_gather(args, stream()));
  }

  void crop(const CudaPhotos& photos, const torch::Tensor& clock, std::int64_t batch_size,
            const std::vector<double>& mean, const std::vector<double>& std, torch::Tensor& inputs,
            torch::Tensor& targets) const override {
    check_on_gpu(photos.pixels);
    const CropPhotos args = crop_arguments(photos, clock, batch_size, mean, std, inputs, targets);
    C10_CUDA_CHECK(launch_crop_photos(args, stream()));
  }

  torch::Tensor relu_pool_dropout(const torch::Tensor& x, const CudaDropout& dropout,
                                  torch::Tensor& winner) const override {
    check_on_gpu(x);
    const Pooling shape = pooling(x);
    torch::Tensor pooled = pooled_of(x, x.scalar_type());
    winner = pooled_of(x, at::kByte);
    C10_CUDA_CHECK(launch_relu_pool_dropout(type_of(x), shape, dropped(dropout), x.const_data_ptr(),
                                            pooled.mutable_data_ptr(), winner.mutable_data_ptr<std::uint8_t>(),
                                            stream()));
    return pooled;
  }

  torch::Tensor relu_pool_dropout_backward(const torch::Tensor& gradient, const torch::Tensor& winner,
                                           const torch::Tensor& x, float scale) const override {
    check_on_gpu(x);
    check_contiguous(gradient, winner);
    TORCH_CHECK(gradient.scalar_type() == x.scalar_type(), "a gradient of another type");
    torch::Tensor gradient_x = at::empty_like(x);
    TORCH_CHECK(gradient_x.strides() == x.strides(), "x has gaps");
    C10_CUDA_CHECK(launch_relu_pool_dropout_backward(type_of(x), pooling(x), scale, gradient.const_data_ptr(),
                                                     winner.const_data_ptr<std::uint8_t>(),
                                                     gradient_x.mutable_data_ptr(), stream()));
    return gradient_x;
  }

  torch::Tensor relu_dropout(const torch::Tensor& x, const CudaDropout& dropout) const override {
    check_on_gpu(x);
    check_contiguous(x);
    checked_count(x.numel());
    TORCH_CHECK(x.numel() > 0, "a batch without rows");
    torch::Tensor result = at::empty_like(x);
    C10_CUDA_CHECK(launch_relu_dropout(type_of(x), dropped(dropout), checked_count(x.size(0)),
                                       checked_count(x.numel() / x.size(0)), x.const_data_ptr(),
                                       result.mutable_data_ptr(), stream()));
    return result;
  }

  torch::Tensor relu_dropout_backward(const torch::Tensor& gradient, const torch::Tensor& result,
                                      float scale) const override {
    check_on_gpu(result);
    check_contiguous(gradient, result);
    TORCH_CHECK(gradient.scalar_type() == result.scalar_type(), "a gradient of another type");
    torch::Tensor gradient_x = at::empty_like(result);
    C10_CUDA_CHECK(launch_relu_dropout_backward(type_of(result), scale, checked_count(result.numel()),
                                                gradient.const_data_ptr(), result.const_data_ptr(),
                                                gradient_x.mutable_data_ptr(), stream()));
    return gradient_x;
  }

  torch::Tensor loss(const torch::Tensor& logits, const torch::Tensor& targets, const torch::Tensor& clock,
                     torch::Tensor& losses, torch::Tensor& correct) const override {
    check_on_gpu(logits);
    check_contiguous(logits, targets, clock, losses, correct);
    checked_count(logits.numel());
    torch::Tensor gradient = at::empty_like(logits);
    C10_CUDA_CHECK(launch_loss(type_of(logits), checked_count(logits.size(0)), checked_count(logits.size(1)),
                               logits.const_data_ptr(), targets.const_data_ptr<std::int64_t>(),
                               clock.const_data_ptr<std::int64_t>(), gradient.mutable_data_ptr(),
                               losses.mutable_data_ptr<float>(), correct.mutable_data_ptr<float>(), stream()));
    return gradient;
  }

  void update(const CudaUpdate& update, const std::vector<CudaUpdatePart>& parts, const torch::Tensor& rates,
              const torch::Tensor& clock) const override {
    check_on_gpu(rates);
    check_contiguous(rates, clock);
    TORCH_CHECK(rates.dim() == 2 && rates.size(1) == kCudaRateColumns, "rates of another shape");
    C10_CUDA_CHECK(
        launch_update(update, parts, rates.const_data_ptr<double>(), clock.const_data_ptr<std::int64_t>(), stream()));
  }

  void advance(torch::Tensor& clock) const override {
    check_on_gpu(clock);
    C10_CUDA_CHECK(launch_advance(clock.mutable_data_ptr<std::int64_t>(), stream()));
  }

  void on_own_stream(const c10::Device& device, const std::function<void()>& work) const override {
    const c10::cuda::CUDAGuard on_device(device);
    c10::cuda::device_synchronize();
    const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index()));
    bring_backward_to_gpu(device);
    work();
    c10::cuda::device_synchronize();
  }

  std::unique_ptr<CudaGraph> record(const std::function<void()>& work) const override {
    return std::make_unique<Graph>(work);
  }
};

}  // namespace
}  // namespace mnist::cuda

extern "C" {

__attribute__((visibility("default"))) const char* mnist_cuda_plugin_version() {
  return mnist::kCudaPluginVersion;
}

__attribute__((visibility("default"))) const mnist::CudaPlugin* mnist_cuda_plugin() {
  static const mnist::cuda::Plugin plugin;
  return &plugin;
}
}
