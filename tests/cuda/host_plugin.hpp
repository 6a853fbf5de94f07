// The plug-in's interface without a GPU: the same arithmetic (`elements.hpp`), element by element on the CPU, so that
// everything around it (steps, tables, optimizers, batches) can be tested anywhere. Tensors are on the CPU.
//
// "Recorded" work is stored and executed by `replay`. `replay` also checks what a recorded step on a GPU relies on:
// memory that outlives a step (parameters, tables, batches) has the same addresses in every step.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/device/cuda_plugin.hpp"

#include "arguments.hpp"

namespace mnist {

class HostPlugin : public CudaPlugin {
 public:
  void gather(const torch::Tensor& images, const torch::Tensor& labels, const torch::Tensor& order,
              const torch::Tensor& clock, std::int64_t batch_size, const std::vector<double>& mean,
              const std::vector<double>& std, torch::Tensor& inputs, torch::Tensor& targets) const override {
    const cuda::Gather args =
        cuda::gather_arguments(images, labels, order, clock, batch_size, mean, std, inputs, targets);
    for (std::int32_t i = 0; i < inputs.numel(); ++i) cuda::gather(args, i);
    used({args.images, args.labels, args.order, args.clock, args.inputs, args.targets});
  }

  void crop(const CudaPhotos& photos, const torch::Tensor& clock, std::int64_t batch_size,
            const std::vector<double>& mean, const std::vector<double>& std, torch::Tensor& inputs,
            torch::Tensor& targets) const override {
    const cuda::CropPhotos args = cuda::crop_arguments(photos, clock, batch_size, mean, std, inputs, targets);
    for (std::int32_t i = 0; i < inputs.numel(); ++i) cuda::crop_photo(args, i);
    photos_ += inputs.size(0);
    used({args.pixels, args.places, args.labels, args.order, args.crops, args.clock, args.inputs, args.targets});
  }

  torch::Tensor relu_pool_dropout(const torch::Tensor& x, const CudaDropout& dropout,
                                  torch::Tensor& winner) const override {
    torch::Tensor pooled = cuda::pooled_of(x, x.scalar_type());
    winner = cuda::pooled_of(x, at::kByte);
    const cuda::Pooling shape = cuda::pooling(x);
    const cuda::Dropped drops = cuda::dropped(dropout);
    of_type(x, [&](auto type) {
      using T = decltype(type);
      for (std::int32_t i = 0; i < pooled.numel(); ++i) {
        cuda::relu_pool_dropout(shape, drops, i, x.const_data_ptr<T>(), pooled.mutable_data_ptr<T>(),
                                winner.mutable_data_ptr<std::uint8_t>());
      }
    });
    return pooled;
  }

  torch::Tensor relu_pool_dropout_backward(const torch::Tensor& gradient, const torch::Tensor& winner,
                                           const torch::Tensor& x, float scale) const override {
    torch::Tensor gradient_x = at::empty_like(x);
    const cuda::Pooling shape = cuda::pooling(x);
    of_type(x, [&](auto type) {
      using T = decltype(type);
      for (std::int32_t i = 0; i < gradient.numel(); ++i) {
        cuda::relu_pool_dropout_backward(shape, scale, i, gradient.const_data_ptr<T>(),
                                         winner.const_data_ptr<std::uint8_t>(), gradient_x.mutable_data_ptr<T>());
      }
    });
    return gradient_x;
  }

  torch::Tensor relu_dropout(const torch::Tensor& x, const CudaDropout& dropout) const override {
    torch::Tensor result = at::empty_like(x);
    const std::int32_t columns = cuda::checked_count(x.numel() / x.size(0));
    const cuda::Dropped drops = cuda::dropped(dropout);
    of_type(x, [&](auto type) {
      using T = decltype(type);
      for (std::int32_t i = 0; i < x.numel(); ++i) {
        cuda::relu_dropout(drops, columns, i, x.const_data_ptr<T>(), result.mutable_data_ptr<T>());
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
    const std::int32_t rows = cuda::checked_count(logits.size(0));
    double loss = 0;
    float right = 0;
    of_type(logits, [&](auto type) {
      using T = decltype(type);
      for (std::int32_t row = 0; row < rows; ++row) {
        const cuda::RowLoss one =
            cuda::loss_row(rows, cuda::checked_count(logits.size(1)), row, logits.const_data_ptr<T>(),
                           targets.const_data_ptr<std::int64_t>(), gradient.mutable_data_ptr<T>());
        loss += one.loss;
        right += one.correct;
      }
    });
    const std::int64_t step = clock.const_data_ptr<std::int64_t>()[1];
    losses.mutable_data_ptr<float>()[step] = static_cast<float>(loss / rows);
    correct.mutable_data_ptr<float>()[step] = right;
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

  int replays() const { return replays_; }         // so far
  std::int64_t photos() const { return photos_; }  // number of photos in batches so far

  std::unique_ptr<CudaGraph> record(const std::function<void()>& work) const override {
    return std::make_unique<Graph>(*this, work);
  }

 private:
  class Graph : public CudaGraph {
   public:
    Graph(const HostPlugin& plugin, std::function<void()> work) : plugin_(plugin), work_(std::move(work)) {}

    void replay() override {
      ++plugin_.replays_;
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

  mutable int replays_ = 0;
  mutable std::int64_t photos_ = 0;
  mutable std::vector<const void*> addresses_;  // since the start of the replayed work
};

}  // namespace mnist
