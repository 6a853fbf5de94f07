// The arithmetic that decides how fast training on a CPU is, on plain arrays: the CNN's convolutions, 3x3
// convolutions, dropout masks and the optimizers. Compiled once for each instruction set; the best that this CPU has is
// chosen when the program runs. It knows neither tensors nor threads: callers own all memory, which need not be
// aligned, and call from several threads.
//
// Not for: other convolutions than these (LibTorch's operators do them), other number types than float.
//
// Same inputs and same instruction set: same bytes. Between instruction sets the sums are made in another order and
// with or without fused multiply-adds, so they differ by rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mnist {

// The first half of the CNN for one image [28, 28]: 3x3 convolution to 32 channels, ReLU, 3x3 convolution to 64, ReLU,
// 2x2 max-pool; [64, 12, 12] comes out. The second convolution is Winograd's F(4x4, 3x3) (A. Lavin, S. Gray, arXiv
// 1509.09308): a fourth of the multiplications. Its result differs from the direct sum by about 1e-6 of its size.
namespace conv_pool {

inline constexpr std::size_t kImage = std::size_t{28} * 28;
inline constexpr std::size_t kPooled = std::size_t{64} * 12 * 12;
// Floats that callers provide.
inline constexpr std::size_t kPacked = 10 * 32 + 64 + 2 * 36 * 32 * 64;                    // the weights, transformed
inline constexpr std::size_t kScratch = 36 * 36 * (32 + 64) + 2 * 26 * 26 * 32 + kPooled;  // for one thread
inline constexpr std::size_t kSums = 10 * 32 + 64 + 36 * 32 * 64;                          // gradients, transformed

template <class T>
struct Parameters {
  T* weight1;  // [32, 1, 3, 3]
  T* bias1;    // [32]
  T* weight2;  // [64, 32, 3, 3]
  T* bias2;    // [64]
};

}  // namespace conv_pool

// 3x3 convolutions of stride 1 and padding 1 without bias, by the same method, of images [N, H, W, in] to [N, H, W,
// out] (channels last). All images' results are cut into tiles of 4x4, image after image and row after row; a call
// computes some of them. Weights: [out, 3, 3, in], which is PyTorch's [out, in, 3, 3] in channels last.
namespace conv3x3 {

inline constexpr int kChannels = 64;     // in and out are multiples of it
inline constexpr int kPlaces = 36;       // of a transformed tile
inline constexpr int kTilesAtOnce = 48;  // in scratch memory
inline constexpr int kGap = 16;          // floats between the parts of scratch memory, at most

struct Shape {
  int height, width, in, out;
};

constexpr int tiles_along(int side) {
  return (side + 3) / 4;
}
// Floats that callers provide: the transformed weights, as much for the gradients' sums, and a thread's own memory.
constexpr std::int64_t packed_size(int in, int out) {
  return std::int64_t{kPlaces} * in * out;
}
constexpr std::int64_t scratch_size(const Shape& shape) {
  return std::int64_t{kPlaces} * (kTilesAtOnce * (shape.in + shape.out) + 2 * kGap);
}

}  // namespace conv3x3

struct Kernels {
  const char* name;  // of the instruction set: "avx512", "avx2", "baseline"

  // Brings the weights into the form that the two functions below compute with. `packed`: [kPacked].
  void (*pack_conv_pool)(const conv_pool::Parameters<const float>& weights, float* packed);

  // `kept`: [64 * 12 * 12] of 0 and 1, which results stay; they are multiplied by `scale`. nullptr: all stay as they
  // are. `pooled`: [64, 12, 12]. `winner`: [kPooled] for the backward pass, or nullptr. `scratch`: [kScratch].
  void (*conv_pool_forward)(const float* packed, const float* image, const std::uint8_t* kept, float scale,
                            float* scratch, float* pooled, std::uint8_t* winner);

  // Adds this image's part of the gradients to `sums`: [kSums], zeros before the first image. `pooled`, `winner` and
  // `scale`: of the forward pass; `gradient`: of the loss by `pooled`.
  void (*conv_pool_backward)(const float* packed, const float* image, const float* pooled, const std::uint8_t* winner,
                             const float* gradient, float scale, float* scratch, float* sums);

  // The gradients by the weights from the sums over all images.
  void (*unpack_conv_pool)(const float* sums, const conv_pool::Parameters<float>& gradients);

  // Brings the weights of the outputs from `begin` to `end`, multiples of 16, into the form that `conv3x3` computes
  // with. `packed`: [packed_size(in, out)].
  void (*pack_conv3x3)(int in, int out, int begin, int end, const float* weight, float* packed);
  // The same for the gradients by the images: `conv3x3` of the gradients by the results, with in and out exchanged.
  void (*pack_conv3x3_backward)(int in, int out, int begin, int end, const float* weight, float* packed);

  // The results of the tiles from `begin` to `end`. `scratch`: [scratch_size(shape)].
  void (*conv3x3)(const conv3x3::Shape& shape, const float* packed, const float* images, std::int64_t begin,
                  std::int64_t end, float* scratch, float* results);

  // Adds these tiles' part of the gradients by the weights to `sums`: [packed_size(in, out)], zeros before the first
  // tile.
  void (*conv3x3_weight_gradient)(const conv3x3::Shape& shape, const float* images, const float* gradients,
                                  std::int64_t begin, std::int64_t end, float* scratch, float* sums);
  // The gradients by the weights of the outputs from `begin` to `end`.
  void (*unpack_conv3x3)(int in, int out, int begin, int end, const float* sums, float* weight_gradient);

  // Which elements of one item dropout keeps, 1 or 0: element i has 16 bits number i % 8 of the Philox words of the
  // counter {i / 8, counter[1], counter[2], counter[3]}, lowest bits first, and is kept where they are at least
  // `threshold`.
  void (*keep_elements)(const std::uint32_t counter[4], const std::uint32_t key[2], std::uint32_t threshold,
                        std::uint8_t* kept, std::size_t count);

  // Optimizer steps over `count` parameters, with torch.optim's arithmetic; see mnist/train/optimizer.hpp.
  struct AdadeltaStep {
    double lr, rho, eps, weight_decay;
  };
  void (*adadelta)(const AdadeltaStep& step, std::size_t count, float* parameter, const float* gradient,
                   float* square_avg, float* acc_delta);
  struct SgdStep {
    double lr, momentum, weight_decay;
    bool first;  // `buffer` holds nothing yet
  };
  void (*sgd)(const SgdStep& step, std::size_t count, float* parameter, const float* gradient, float* buffer);
  struct AdamStep {
    double step_size;    // lr / (1 - beta1^t)
    double correction2;  // sqrt(1 - beta2^t)
    double beta1, beta2, eps, weight_decay;
    double keep = 1;  // factor of the parameter: AdamW's is 1 - lr * its decay, and its `weight_decay` is 0
  };
  void (*adam)(const AdamStep& step, std::size_t count, float* parameter, const float* gradient, float* exp_avg,
               float* exp_avg_sq);
};

// Those that this CPU can run, best first; never empty.
const std::vector<const Kernels*>& usable_kernels();

}  // namespace mnist
