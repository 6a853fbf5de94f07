#include "mnist/model/dropout.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "mnist/core/philox.hpp"
#include "mnist/kernels/kernels.hpp"

namespace mnist {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The threshold below which a 16-bit number means dropped, and the factor of kept elements.
std::uint32_t threshold_of(double p) {
  return static_cast<std::uint32_t>(std::lround(p * 65536));
}
float scale_of(double p) {
  return static_cast<float>(1 / (1 - p));
}

// Data for the backward passes of the plug-in's operators, besides tensors; stored in an autograd node.
void keep(AutogradContext& context, const CudaPlugin& cuda, float scale) {
  context.saved_data["cuda"] = reinterpret_cast<std::int64_t>(&cuda);
  context.saved_data["scale"] = static_cast<double>(scale);
}
const CudaPlugin& kept_plugin(AutogradContext& context) {
  // The address of an object that lives as long as the program, stored as a number.
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return *reinterpret_cast<const CudaPlugin*>(context.saved_data["cuda"].toInt());
}
float kept_scale(AutogradContext& context) {
  return static_cast<float>(context.saved_data["scale"].toDouble());
}

class CudaReluDropout : public torch::autograd::Function<CudaReluDropout> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const CudaPlugin* cuda,
                               const CudaDropout& dropout) {
    torch::Tensor result = cuda->relu_dropout(x.contiguous(), dropout);
    keep(*context, *cuda, dropout.scale);
    context->save_for_backward({result});
    return result;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {kept_plugin(*context).relu_dropout_backward(gradients[0].contiguous(), context->get_saved_variables()[0],
                                                        kept_scale(*context)),
            {},
            {}};
  }
};

class CudaReluPoolDropout : public torch::autograd::Function<CudaReluPoolDropout> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const CudaPlugin* cuda,
                               const CudaDropout& dropout) {
    torch::Tensor winner;
    torch::Tensor pooled = cuda->relu_pool_dropout(x, dropout, winner);
    keep(*context, *cuda, dropout.scale);
    context->save_for_backward({x, winner});
    return pooled;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    return {kept_plugin(*context).relu_pool_dropout_backward(gradients[0].contiguous(), saved[1], saved[0],
                                                             kept_scale(*context)),
            {},
            {}};
  }
};

// What the kernels' function of that name does: for builds without kernels.
void keep_elements(PhiloxCounter counter, const PhiloxKey& key, std::uint32_t threshold,
                   std::vector<std::uint8_t>& kept) {
  PhiloxCounter words{};
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (i % 8 == 0) {
      counter[0] = static_cast<std::uint32_t>(i / 8);
      words = philox(counter, key);
    }
    const std::uint32_t number = words[i % 8 / 2] >> (i % 2 * 16) & 0xFFFFU;
    kept[i] = number >= threshold ? 1 : 0;
  }
}

}  // namespace

void DropoutLayer::keep(std::int64_t row, std::vector<std::uint8_t>& kept) const {
  const PhiloxCounter counter = {0, static_cast<std::uint32_t>(first_row_ + row), static_cast<std::uint32_t>(step_),
                                 static_cast<std::uint32_t>(epoch_ * 256 + layer_)};
  const Kernels* const kernels = best_kernels();
  if (kernels == nullptr) return keep_elements(counter, philox_key(seed_), threshold_, kept);
  kernels->keep_elements(counter.data(), philox_key(seed_).data(), threshold_, kept.data(), kept.size());
}

DropoutLayer Dropout::layer(double p, int layer) const {
  DropoutLayer result;
  if (!active_ || p == 0) return result;
  result.seed_ = seed_;
  result.epoch_ = epoch_;
  result.step_ = step_;
  result.first_row_ = first_row_;
  result.layer_ = layer;
  result.threshold_ = threshold_of(p);
  result.scale_ = scale_of(p);
  return result;
}

CudaDropout Dropout::on_cuda(double p, int layer) const {
  return {clock_, seed_, layer, threshold_of(p), scale_of(p)};
}

torch::Tensor Dropout::after_relu(const torch::Tensor& x, double p, int layer) const {
  if (cuda_ == nullptr) return (*this)(at::relu(x), p, layer);
  return CudaReluDropout::apply(x, cuda_, on_cuda(p, layer));
}

torch::Tensor Dropout::after_relu_and_pool(const torch::Tensor& x, double p, int layer) const {
  if (cuda_ == nullptr) return (*this)(at::max_pool2d(at::relu(x), 2), p, layer).flatten(1);
  return CudaReluPoolDropout::apply(x, cuda_, on_cuda(p, layer));
}

torch::Tensor Dropout::operator()(const torch::Tensor& x, double p, int layer) const {
  if (cuda_ != nullptr) return x * cuda_->relu_dropout(at::ones_like(x).contiguous(), on_cuda(p, layer));  // the mask
  const DropoutLayer dropout = this->layer(p, layer);
  if (!dropout.active()) return x;
  const std::int64_t rows = x.size(0);
  const std::int64_t columns = rows == 0 ? 0 : x.numel() / rows;
  torch::Tensor mask = at::empty(x.sizes(), at::kFloat);
  auto* const out = mask.mutable_data_ptr<float>();
  at::parallel_for(0, rows, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> kept(static_cast<std::size_t>(columns));
    for (std::int64_t row = begin; row < end; ++row) {
      dropout.keep(row, kept);
      std::transform(kept.begin(), kept.end(), out + row * columns,
                     [&](std::uint8_t keeps) { return keeps != 0 ? dropout.scale() : 0.0F; });
    }
  });
  return x * mask.to(x.options());
}

}  // namespace mnist
