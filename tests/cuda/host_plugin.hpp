// The plug-in's interface without a GPU: the same arithmetic (`elements.hpp`), element after element on the CPU, so
// that everything around it (steps, tables, optimizers, batches) is tested anywhere. Tensors are on the CPU.
//
// Work is "recorded" by keeping it, and carried out by `replay`, which also checks what a recorded step on a GPU relies
// on: that the memory which outlives a step (parameters, tables, batches) is the same in every one.
#pragma once

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/device/cuda_plugin.hpp"

#include "elements.hpp"

namespace mnist {

class HostPlugin : public CudaPlugin {
 public:
  void gather(const torch::Tensor& images, const torch::Tensor& labels, const torch::Tensor& order,
              const torch::Tensor& clock, std::int64_t batch_size, const std::vector<double>& mean,
              const std::vector<double>& std, torch::Tensor& inputs, torch::Tensor& targets) const override {
    cuda::Gather args = {images.const_data_ptr<std::uint8_t>(),
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
    copy_floats(mean, args.mean);
    copy_floats(std, args.std);
    for (std::int32_t i = 0; i < inputs.numel(); ++i) cuda::gather(args, i);
    used({args.images, args.labels, args.order, args.clock, args.inputs, args.targets});
  }

  void crop(const CudaPhotos& photos, const torch::Tensor& clock, std::int64_t batch_size,
            const std::vector<double>& mean, const std::vector<double>& std, torch::Tensor& inputs,
            torch::Tensor& targets) const override {
    ASSERT_TRUE(inputs.is_contiguous(at::MemoryFormat::ChannelsLast));
    cuda::CropPhotos args = {photos.pixels.const_data_ptr<std::uint8_t>(),
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
    for (std::int32_t i = 0; i < inputs.numel(); ++i) cuda::crop_photo(args, i);
    used({args.pixels, args.places, args.labels, args.order, args.crops, args.clock, args.inputs, args.targets});
  }

  torch::Tensor relu_pool_dropout(const torch::Tensor& x, const CudaDropout& dropout,
                                  torch::Tensor& winner) const override {
    const std::int64_t features = x.size(1) * (x.size(2) / 2) * (x.size(3) / 2);
    torch::Tensor pooled = at::empty({x.size(0), features}, x.options());
    winner = at::empty({x.size(0), features}, x.options().dtype(at::kByte));
    of_type(x, [&](auto type) {
      using T = decltype(type);
      for (std::int32_t i = 0; i < pooled.numel(); ++i) {
        cuda::relu_pool_dropout(pooling(x), dropped(dropout), i, x.const_data_ptr<T>(), pooled.mutable_data_ptr<T>(),
                                winner.mutable_data_ptr<std::uint8_t>());
      }
    });
    return pooled;
  }

  torch::Tensor relu_pool_dropout_backward(const torch::Tensor& gradient, const torch::Tensor& winner,
                                           const torch::Tensor& x, float scale) const override {
    torch::Tensor gradient_x = at::empty_like(x);
    of_type(x, [&](auto type) {
      using T = decltype(type);
      for (std::int32_t i = 0; i < gradient.numel(); ++i) {
        cuda::relu_pool_dropout_backward(pooling(x), scale, i, gradient.const_data_ptr<T>(),
                                         winner.const_data_ptr<std::uint8_t>(), gradient_x.mutable_data_ptr<T>());
      }
    });
    return gradient_x;
  }

  torch::Tensor relu_dropout(const torch::Tensor& x, const CudaDropout& dropout) const override {
    torch::Tensor result = at::empty_like(x);
    const std::int32_t columns = small(x.numel() / x.size(0));
    of_type(x, [&](auto type) {
      using T = decltype(type);
      for (std::int32_t i = 0; i < x.numel(); ++i) {
        cuda::relu_dropout(dropped(dropout), columns, i, x.const_data_ptr<T>(), result.mutable_data_ptr<T>());
      }
    });
    return result;
  }

  torch::Tensor relu_dropout_backward(const torch::Tensor& gradient, const torch::Tensor& result,
                                      float scale) const override {
    torch::Tensor gradient_x = at::empty_like(result);
    of_type(result, [&](auto type) {
      using T = decltype(type);
      for (std::int32_t i = 0; i < result.numel(); ++i) {
        cuda::relu_dropout_backward(scale, i, gradient.const_data_ptr<T>(), result.const_data_ptr<T>(),
                                    gradient_x.mutable_data_ptr<T>());
      }
    });
    return gradient_x;
  }

  torch::Tensor loss(const torch::Tensor& logits, const torch::Tensor& targets, const torch::Tensor& clock,
                     torch::Tensor& losses, torch::Tensor& correct) const override {
    torch::Tensor gradient = at::empty_like(logits);
    const std::int32_t rows = small(logits.size(0));
    cuda::RowLoss sum = {0, 0};
    of_type(logits, [&](auto type) {
      using T = decltype(type);
      for (std::int32_t row = 0; row < rows; ++row) {
        const cuda::RowLoss one =
            cuda::loss_row(rows, small(logits.size(1)), row, logits.const_data_ptr<T>(),
                           targets.const_data_ptr<std::int64_t>(), gradient.mutable_data_ptr<T>());
        sum.loss += one.loss;
        sum.correct += one.correct;
      }
    });
    const std::int64_t step = clock.const_data_ptr<std::int64_t>()[1];
    losses.mutable_data_ptr<float>()[step] = sum.loss / static_cast<float>(rows);
    correct.mutable_data_ptr<float>()[step] = sum.correct;
    used({targets.const_data_ptr(), clock.const_data_ptr(), losses.const_data_ptr(), correct.const_data_ptr()});
    return gradient;
  }

  void update(const CudaUpdate& update, const std::vector<CudaUpdatePart>& parts, const torch::Tensor& rates,
              const torch::Tensor& clock) const override {
    const std::int64_t step = clock.const_data_ptr<std::int64_t>()[1];
    const cuda::UpdateStep now = cuda::update_step(update, rates.const_data_ptr<double>() + step * kCudaRateColumns);
    for (const CudaUpdatePart& part : parts) {
      for (std::int64_t i = 0; i < part.count; ++i) cuda::update(now, part, i);
      used({part.parameter, part.state1, part.state2});
    }
    used({rates.const_data_ptr(), clock.const_data_ptr()});
  }

  void advance(torch::Tensor& clock) const override { ++clock.mutable_data_ptr<std::int64_t>()[1]; }

  void on_own_stream(const c10::Device& /*device*/, const std::function<void()>& work) const override { work(); }

  std::unique_ptr<CudaGraph> record(const std::function<void()>& work) const override {
    return std::make_unique<Graph>(*this, work);
  }

 private:
  class Graph : public CudaGraph {
   public:
    Graph(const HostPlugin& plugin, std::function<void()> work) : plugin_(plugin), work_(std::move(work)) {}

    void replay() override {
      plugin_.addresses_.clear();
      work_();
      if (addresses_.empty()) addresses_ = plugin_.addresses_;
      EXPECT_EQ(plugin_.addresses_, addresses_) << "a recorded step would read or write other memory";
    }

   private:
    const HostPlugin& plugin_;
    std::function<void()> work_;
    std::vector<const void*> addresses_;
  };

  static std::int32_t small(std::int64_t count) { return static_cast<std::int32_t>(count); }

  static void copy_floats(const std::vector<double>& from, float* to) {
    std::ranges::transform(from, to, [](double value) { return static_cast<float>(value); });
  }

  static cuda::Pooling pooling(const torch::Tensor& x) {
    return {small(x.size(0)),   small(x.size(1)),   small(x.size(2)),   small(x.size(3)),
            small(x.stride(0)), small(x.stride(1)), small(x.stride(2)), small(x.stride(3))};
  }

  cuda::Dropped dropped(const CudaDropout& dropout) const {
    const auto* const clock = dropout.clock.defined() ? dropout.clock.const_data_ptr<std::int64_t>() : nullptr;
    return {clock, philox_key(dropout.seed), static_cast<std::uint32_t>(dropout.layer), dropout.threshold,
            dropout.scale};
  }

  // Calls work(value of the tensor's type).
  template <class Work>
  static void of_type(const torch::Tensor& tensor, const Work& work) {
    if (tensor.scalar_type() == at::kBFloat16) {
      work(at::BFloat16());
    } else {
      work(float());
    }
  }

  void used(std::initializer_list<const void*> addresses) const {
    addresses_.insert(addresses_.end(), addresses.begin(), addresses.end());
  }

  mutable std::vector<const void*> addresses_;  // since the beginning of the repeated work
};

}  // namespace mnist
