#include "conv3x3.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace mnist {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kMaxChannels = 256;
constexpr std::int64_t kWorthPacking = 48;  // tiles; with fewer, transforming the weights costs as much as it saves
constexpr std::int64_t kWorthAThread = 6;   // tiles; they share the weights that a thread loads
constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

conv3x3::Shape shape_of(const torch::Tensor& images, std::int64_t out) {
  return {static_cast<int>(images.size(2)), static_cast<int>(images.size(3)), static_cast<int>(images.size(1)),
          static_cast<int>(out)};
}

std::int64_t tile_count(const torch::Tensor& images) {
  return images.size(0) * conv3x3::tiles_along(static_cast<int>(images.size(2))) *
         conv3x3::tiles_along(static_cast<int>(images.size(3)));
}

// Calls work(begin, end) for ranges of output channels, on all threads.
template <class Work>
void for_outputs(std::int64_t outputs, const Work& work) {
  constexpr std::int64_t kTogether = 16;
  at::parallel_for(0, outputs / kTogether, 1, [&](std::int64_t begin, std::int64_t end) {
    work(static_cast<int>(begin * kTogether), static_cast<int>(end * kTogether));
  });
}

// Calls work(part, begin, end, scratch) for the tiles of each of `parts` parts.
template <class Work>
void for_parts(std::int64_t parts, std::int64_t tiles, const conv3x3::Shape& shape, const Work& work) {
  at::parallel_for(0, parts, 1, [&](std::int64_t first, std::int64_t last) {
    const torch::Tensor scratch = at::empty({conv3x3::scratch_size(shape)}, at::kFloat);
    for (std::int64_t part = first; part < last; ++part) {
      work(part, tiles * part / parts, tiles * (part + 1) / parts, scratch.mutable_data_ptr<float>());
    }
  });
}

// [N, in, H, W] to [N, out, H, W], both channels last.
torch::Tensor convolution(const Kernels& kernels, const torch::Tensor& images, std::int64_t out,
                          const torch::Tensor& packed) {
  const conv3x3::Shape shape = shape_of(images, out);
  torch::Tensor results =
      at::empty({images.size(0), out, images.size(2), images.size(3)}, images.options(), kChannelsLast);
  const auto* const weights = packed.const_data_ptr<float>();
  const auto* const from = images.const_data_ptr<float>();
  auto* const to = results.mutable_data_ptr<float>();
  for_parts(at::get_num_threads(), tile_count(images), shape,
            [&](std::int64_t /*part*/, std::int64_t begin, std::int64_t end, float* scratch) {
              kernels.conv3x3(shape, weights, from, begin, end, scratch, to);
            });
  return results;
}

// `weight` [out, in, 3, 3], transformed by `pack`, one of the kernels.
torch::Tensor packed_by(decltype(Kernels::pack_conv3x3) pack, const torch::Tensor& weight) {
  const auto out = static_cast<int>(weight.size(0));
  const auto in = static_cast<int>(weight.size(1));
  torch::Tensor packed = at::empty({conv3x3::packed_size(in, out)}, at::kFloat);
  const auto* const from = weight.const_data_ptr<float>();
  auto* const to = packed.mutable_data_ptr<float>();
  for_outputs(out, [&](int begin, int end) { pack(in, out, begin, end, from, to); });
  return packed;
}

torch::Tensor image_gradient(const Kernels& kernels, const torch::Tensor& gradient, const torch::Tensor& weight) {
  return convolution(kernels, gradient, weight.size(1), packed_by(kernels.pack_conv3x3_backward, weight));
}

torch::Tensor weight_gradient(const Kernels& kernels, const torch::Tensor& images, const torch::Tensor& gradient) {
  const conv3x3::Shape shape = shape_of(images, gradient.size(1));
  // Each part sums its tiles in order, and the parts are added in order, so that the result is deterministic.
  const std::int64_t tiles = tile_count(images);
  const std::int64_t parts = std::min<std::int64_t>(at::get_num_threads(), tiles / kWorthPacking + 1);
  const std::int64_t size = conv3x3::packed_size(shape.in, shape.out);
  const torch::Tensor sums = at::empty({parts, size}, at::kFloat);
  const auto* const inputs = images.const_data_ptr<float>();
  const auto* const gradients = gradient.const_data_ptr<float>();
  for_parts(parts, tiles, shape, [&](std::int64_t part, std::int64_t begin, std::int64_t end, float* scratch) {
    auto* const sum = sums.mutable_data_ptr<float>() + part * size;
    std::fill_n(sum, size, 0.0F);
    kernels.conv3x3_weight_gradient(shape, inputs, gradients, begin, end, scratch, sum);
  });
  torch::Tensor sum = sums.select(0, 0);
  for (std::int64_t part = 1; part < parts; ++part) sum.add_(sums.select(0, part));
  torch::Tensor result = at::empty({shape.out, shape.in, 3, 3}, images.options(), kChannelsLast);
  for_outputs(shape.out, [&](int begin, int end) {
    kernels.unpack_conv3x3(shape.in, shape.out, begin, end, sum.const_data_ptr<float>(),
                           result.mutable_data_ptr<float>());
  });
  return result;
}

class Convolution : public torch::autograd::Function<Convolution> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& images, const torch::Tensor& weight,
                               const torch::Tensor& packed, const Kernels* kernels) {
    context->save_for_backward({images, weight});
    context->saved_data["kernels"] = reinterpret_cast<std::int64_t>(kernels);
    return convolution(*kernels, images, weight.size(0), packed);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    // A pointer to a table of constants, stored as a number. NOLINTNEXTLINE(performance-no-int-to-ptr)
    const auto& kernels = *reinterpret_cast<const Kernels*>(context->saved_data["kernels"].toInt());
    TORCH_CHECK(!c10::GradMode::is_enabled(), "this convolution has no second derivative");
    const torch::Tensor gradient = gradients[0].contiguous(kChannelsLast);
    torch::Tensor by_images;
    torch::Tensor by_weight;
    if (context->needs_input_grad(0)) by_images = image_gradient(kernels, gradient, saved[1]);
    if (context->needs_input_grad(1)) by_weight = weight_gradient(kernels, saved[0], gradient);
    return {by_images, by_weight, {}, {}};
  }
};

bool floats_in_channels_last(const torch::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous(kChannelsLast);
}

}  // namespace

Conv3x3::Conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride)
    : torch::nn::Conv2dImpl(torch::nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)) {}

torch::Tensor Conv3x3::convolve(const torch::Tensor& inputs, const Kernels* kernels) {
  const auto taken = [&] {
    const auto fits = [](std::int64_t channels) {
      return channels % conv3x3::kChannels == 0 && channels <= kMaxChannels;
    };
    return kernels != nullptr && options.stride()->front() == 1 && !at::autocast::is_autocast_enabled(at::kCPU) &&
           floats_in_channels_last(inputs) && floats_in_channels_last(weight) && fits(weight.size(0)) &&
           fits(weight.size(1)) && inputs.size(1) == weight.size(1) &&
           tile_count(inputs) >= std::max(kWorthPacking, kWorthAThread * at::get_num_threads());
  };
  if (!taken()) return forward(inputs);
  const torch::Tensor packed =
      packed_.get(*kernels, {weight}, [&] { return packed_by(kernels->pack_conv3x3, weight); });
  if (c10::GradMode::is_enabled()) return Convolution::apply(inputs, weight, packed, kernels);
  return convolution(*kernels, inputs, weight.size(0), packed);
}

}  // namespace mnist
