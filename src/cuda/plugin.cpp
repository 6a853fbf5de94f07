// The plug-in as the program sees it: checks what it is given, and puts the kernels into the current stream.
#include <algorithm>
#include <limits>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "mnist/device/cuda_plugin.hpp"

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

// The kernels count elements in 32 bits.
std::int32_t small(std::int64_t count) {
  constexpr std::int64_t kBlock = 256;  // the last one's spare threads are counted too
  TORCH_CHECK(count <= std::numeric_limits<std::int32_t>::max() - kBlock, "too many elements for a kernel: ", count);
  return static_cast<std::int32_t>(count);
}

template <class... Tensors>
void check_contiguous(const Tensors&... tensors) {
  TORCH_CHECK(((tensors.is_cuda() && tensors.is_contiguous()) && ...), "contiguous tensors on the GPU expected");
}

void copy_floats(const std::vector<double>& from, float* to) {
  std::ranges::transform(from, to, [](double value) { return static_cast<float>(value); });
}

Dropped dropped(const CudaDropout& dropout) {
  return {dropout.clock.defined() ? dropout.clock.const_data_ptr<std::int64_t>() : nullptr, philox_key(dropout.seed),
          static_cast<std::uint32_t>(dropout.layer), dropout.threshold, dropout.scale};
}

Pooling pooling(const torch::Tensor& x) {
  TORCH_CHECK(x.is_cuda() && x.dim() == 4 && x.size(2) % 2 == 0 && x.size(3) % 2 == 0,
              "[N, C, H, W] with even sides on the GPU expected");
  small(x.numel());
  return {small(x.size(0)),   small(x.size(1)),   small(x.size(2)),   small(x.size(3)),
          small(x.stride(0)), small(x.stride(1)), small(x.stride(2)), small(x.stride(3))};
}

class Graph : public CudaGraph {
 public:
  explicit Graph(const std::function<void()>& work) {
    graph_.capture_begin();
    try {
      work();
    } catch (...) {
      try {
        graph_.capture_end();
      } catch (const std::exception&) {
        // The first failure is the one to tell.
      }
      throw;
    }
    graph_.capture_end();
  }

  void replay() override { graph_.replay(); }

 private:
  at::cuda::CUDAGraph graph_;
};

class Plugin : public CudaPlugin {
 public:
  void gather(const torch::Tensor& images, const torch::Tensor& labels, const torch::Tensor& order,
              const torch::Tensor& clock, std::int64_t batch_size, const std::vector<double>& mean,
              const std::vector<double>& std, torch::Tensor& inputs, torch::Tensor& targets) const override {
    check_contiguous(images, labels, order, inputs, targets);
    TORCH_CHECK(inputs.dim() == 4 && inputs.sizes().slice(1) == images.sizes().slice(1) &&
                    inputs.size(1) <= kMaxChannels && static_cast<std::size_t>(inputs.size(1)) == mean.size() &&
                    mean.size() == std.size(),
                "images and batch do not fit");
    Gather args = {images.const_data_ptr<std::uint8_t>(),
                   labels.const_data_ptr<std::int64_t>(),
                   order.const_data_ptr<std::int64_t>(),
                   clock.const_data_ptr<std::int64_t>(),
                   inputs.mutable_data_ptr<float>(),
                   targets.mutable_data_ptr<std::int64_t>(),
                   small(inputs.size(0)),
                   batch_size,
                   small(inputs.size(1)),
                   small(inputs.size(2) * inputs.size(3)),
                   {},
                   {}};
    small(inputs.numel());
    copy_floats(mean, args.mean);
    copy_floats(std, args.std);
    C10_CUDA_CHECK(launch_gather(args, stream()));
  }

  void crop(const CudaPhotos& photos, const torch::Tensor& clock, std::int64_t batch_size,
            const std::vector<double>& mean, const std::vector<double>& std, torch::Tensor& inputs,
            torch::Tensor& targets) const override {
    check_contiguous(photos.pixels, photos.places, photos.labels, photos.order, photos.crops, targets);
    TORCH_CHECK(inputs.dim() == 4 && inputs.size(1) == kColours && inputs.is_contiguous(at::MemoryFormat::ChannelsLast),
                "[N, 3, H, W] in channels last expected");
    TORCH_CHECK(photos.places.size(1) == kCudaPlaceColumns && photos.crops.size(1) == kCudaCropColumns &&
                    mean.size() == kColours && std.size() == kColours,
                "photos and batch do not fit");
    small(inputs.numel());
    CropPhotos args = {photos.pixels.const_data_ptr<std::uint8_t>(),
                       photos.places.const_data_ptr<std::int64_t>(),
                       photos.labels.const_data_ptr<std::int64_t>(),
                       photos.order.const_data_ptr<std::int64_t>(),
                       photos.crops.const_data_ptr<std::int64_t>(),
                       clock.const_data_ptr<std::int64_t>(),
                       inputs.mutable_data_ptr<float>(),
                       targets.mutable_data_ptr<std::int64_t>(),
                       small(inputs.size(0)),
                       batch_size,
                       small(inputs.size(2)),
                       small(inputs.size(3)),
                       {},
                       {}};
    copy_floats(mean, args.mean);
    copy_floats(std, args.std);
    C10_CUDA_CHECK(launch_crop_photos(args, stream()));
  }

  torch::Tensor relu_pool_dropout(const torch::Tensor& x, const CudaDropout& dropout,
                                  torch::Tensor& winner) const override {
    const Pooling shape = pooling(x);
    const std::int64_t features = x.size(1) * (x.size(2) / 2) * (x.size(3) / 2);
    torch::Tensor pooled = at::empty({x.size(0), features}, x.options());
    winner = at::empty({x.size(0), features}, x.options().dtype(at::kByte));
    C10_CUDA_CHECK(launch_relu_pool_dropout(type_of(x), shape, dropped(dropout), x.const_data_ptr(),
                                            pooled.mutable_data_ptr(), winner.mutable_data_ptr<std::uint8_t>(),
                                            stream()));
    return pooled;
  }

  torch::Tensor relu_pool_dropout_backward(const torch::Tensor& gradient, const torch::Tensor& winner,
                                           const torch::Tensor& x, float scale) const override {
    check_contiguous(gradient);
    TORCH_CHECK(gradient.scalar_type() == x.scalar_type(), "a gradient of another type");
    torch::Tensor gradient_x = at::empty_like(x);
    TORCH_CHECK(gradient_x.strides() == x.strides(), "x has gaps");
    C10_CUDA_CHECK(launch_relu_pool_dropout_backward(type_of(x), pooling(x), scale, gradient.const_data_ptr(),
                                                     winner.const_data_ptr<std::uint8_t>(),
                                                     gradient_x.mutable_data_ptr(), stream()));
    return gradient_x;
  }

  torch::Tensor relu_dropout(const torch::Tensor& x, const CudaDropout& dropout) const override {
    check_contiguous(x);
    small(x.numel());
    torch::Tensor result = at::empty_like(x);
    const std::int64_t rows = x.size(0);
    C10_CUDA_CHECK(launch_relu_dropout(type_of(x), dropped(dropout), small(rows),
                                       rows == 0 ? 0 : small(x.numel() / rows), x.const_data_ptr(),
                                       result.mutable_data_ptr(), stream()));
    return result;
  }

  torch::Tensor relu_dropout_backward(const torch::Tensor& gradient, const torch::Tensor& result,
                                      float scale) const override {
    check_contiguous(gradient, result);
    TORCH_CHECK(gradient.scalar_type() == result.scalar_type(), "a gradient of another type");
    torch::Tensor gradient_x = at::empty_like(result);
    C10_CUDA_CHECK(launch_relu_dropout_backward(type_of(result), scale, small(result.numel()),
                                                gradient.const_data_ptr(), result.const_data_ptr(),
                                                gradient_x.mutable_data_ptr(), stream()));
    return gradient_x;
  }

  torch::Tensor loss(const torch::Tensor& logits, const torch::Tensor& targets, const torch::Tensor& clock,
                     torch::Tensor& losses, torch::Tensor& correct) const override {
    check_contiguous(logits, targets);
    torch::Tensor gradient = at::empty_like(logits);
    C10_CUDA_CHECK(launch_loss(type_of(logits), small(logits.size(0)), small(logits.size(1)), logits.const_data_ptr(),
                               targets.const_data_ptr<std::int64_t>(), clock.const_data_ptr<std::int64_t>(),
                               gradient.mutable_data_ptr(), losses.mutable_data_ptr<float>(),
                               correct.mutable_data_ptr<float>(), stream()));
    return gradient;
  }

  void update(const CudaUpdate& update, const std::vector<CudaUpdatePart>& parts, const torch::Tensor& rates,
              const torch::Tensor& clock) const override {
    TORCH_CHECK(rates.dim() == 2 && rates.size(1) == kCudaRateColumns, "rates of another shape");
    C10_CUDA_CHECK(
        launch_update(update, parts, rates.const_data_ptr<double>(), clock.const_data_ptr<std::int64_t>(), stream()));
  }

  void advance(torch::Tensor& clock) const override {
    C10_CUDA_CHECK(launch_advance(clock.mutable_data_ptr<std::int64_t>(), stream()));
  }

  void on_own_stream(const c10::Device& device, const std::function<void()>& work) const override {
    const c10::cuda::CUDAGuard on_device(device);
    c10::cuda::device_synchronize();
    const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index()));
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
