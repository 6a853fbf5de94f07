// The computations that dominate the time on a CPU, on plain arrays: the CNN's convolutions, 3x3 convolutions, fully
// connected layers, dropout masks and optimizers. They are compiled for several instruction sets; the program selects
// the best one for this CPU at run time. Kernels know neither tensors nor threads: the caller owns all memory (no
// alignment needed) and may call them from several threads.
//
// Not for: other convolutions (use LibTorch's operators), other types than float.
//
// The same inputs and instruction set give the same bytes. Results of two instruction sets differ by rounding, because
// the order of sums and the use of fused multiply-adds differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mnist {

// The first half of the CNN for one image [28, 28]: 3x3 convolution to 32 channels, ReLU, 3x3 convolution to 64, ReLU,
// 2x2 max-pool. Result: [64, 12, 12]. The second convolution uses Winograd's F(4x4, 3x3) (A. Lavin, S. Gray, arXiv
// 1509.09308), with a fourth of the multiplications. Its relative difference from the direct sum is about 1e-6.
namespace conv_pool {

inline constexpr std::size_t kImage = std::size_t{28} * 28;
inline constexpr std::size_t kPooled = std::size_t{64} * 12 * 12;
// Sizes of the caller's buffers, in floats.
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

// 3x3 convolutions with stride 1, padding 1 and no bias, by the same method, from images [N, H, W, in] to [N, H, W,
// out] (channels last). The results of all images are divided into tiles of 4x4, image by image and row by row; a call
// computes a range of tiles. Weights: [out, 3, 3, in], which is PyTorch's [out, in, 3, 3] in channels last.
namespace conv3x3 {

inline constexpr int kChannels = 64;     // in and out must be multiples of it
inline constexpr int kPlaces = 36;       // elements of a transformed tile
inline constexpr int kTilesAtOnce = 48;  // tiles in scratch memory
inline constexpr int kGap = 16;          // floats between two parts of scratch memory, at most

struct Shape {
  int height, width, in, out;
};

constexpr int tiles_along(int side) {
  return (side + 3) / 4;
}
// Sizes of the caller's buffers, in floats: `packed_size` for the transformed weights and for the sums of gradients,
// `scratch_size` for each thread.
constexpr std::int64_t packed_size(int in, int out) {
  return std::int64_t{kPlaces} * in * out;
}
constexpr std::int64_t scratch_size(const Shape& shape) {
  return std::int64_t{kPlaces} * (kTilesAtOnce * (shape.in + shape.out) + 2 * kGap);
}

}  // namespace conv3x3

// Fully connected layers.
namespace dense {

inline constexpr int kColumns = 64;  // the results of an item must be a multiple of it

}  // namespace dense

struct Kernels {
  const char* name;  // of the instruction set: "avx512", "avx2", "baseline"

  // Transforms the weights for the two functions below. `packed`: [kPacked].
  void (*pack_conv_pool)(const conv_pool::Parameters<const float>& weights, float* packed);

  // Dropout: `kept`, [64 * 12 * 12], is 1 for results to multiply by `scale`, 0 for results to set to 0; nullptr: no
  // dropout. `pooled`: result, [64, 12, 12]. `winner`: result for the backward pass, [kPooled], or nullptr. `scratch`:
  // [kScratch].
  void (*conv_pool_forward)(const float* packed, const float* image, const std::uint8_t* kept, float scale,
                            float* scratch, float* pooled, std::uint8_t* winner);

  // Adds the weight gradients of this image to `sums`: [kSums], zero before the first image. `pooled`, `winner` and
  // `scale` are those of the forward pass; `gradient`: of the loss with respect to `pooled`.
  void (*conv_pool_backward)(const float* packed, const float* image, const float* pooled, const std::uint8_t* winner,
                             const float* gradient, float scale, float* scratch, float* sums);

  // Computes the weight gradients from the sums over all images.
  void (*unpack_conv_pool)(const float* sums, const conv_pool::Parameters<float>& gradients);

  // Transforms the weights of the output channels begin .. end-1 for `conv3x3`. `begin` and `end` are multiples of 16.
  // `packed`: [packed_size(in, out)].
  void (*pack_conv3x3)(int in, int out, int begin, int end, const float* weight, float* packed);
  // The same for the gradients with respect to the images: `conv3x3` on the gradients of the results, with in and out
  // exchanged.
  void (*pack_conv3x3_backward)(int in, int out, int begin, int end, const float* weight, float* packed);

  // Computes the results of the tiles begin .. end-1. `scratch`: [scratch_size(shape)].
  void (*conv3x3)(const conv3x3::Shape& shape, const float* packed, const float* images, std::int64_t begin,
                  std::int64_t end, float* scratch, float* results);

  // Adds the weight gradients of these tiles to `sums`: [packed_size(in, out)], zero before the first tile.
  void (*conv3x3_weight_gradient)(const conv3x3::Shape& shape, const float* images, const float* gradients,
                                  std::int64_t begin, std::int64_t end, float* scratch, float* sums);
  // Computes the weight gradients of the output channels begin .. end-1 from the sums.
  void (*unpack_conv3x3)(int in, int out, int begin, int end, const float* sums, float* weight_gradient);

  // Packs the weights [out, in] of the results begin .. end-1 for `dense`. `packed`: [in * out].
  void (*pack_dense)(int in, int begin, int end, const float* weight, float* packed);
  // Computes the results begin .. end-1, multiples of `kColumns`, of all rows: inputs [rows, in] times the weights'
  // transpose, plus `bias` [out]. `results`: [rows, out]. A row's bytes do not depend on the other rows.
  void (*dense)(int in, int out, const float* packed, const float* bias, int begin, int end, const float* inputs,
                std::int64_t rows, float* results);

  // The dropout mask of one item: sets kept[i] to 1 if dropout keeps element i, else to 0. The Philox words of counter
  // {i / 8, counter[1], counter[2], counter[3]} are eight 16-bit numbers, lowest bits first; element i is kept if
  // number i % 8 is at least `threshold`.
  void (*keep_elements)(const std::uint32_t counter[4], const std::uint32_t key[2], std::uint32_t threshold,
                        std::uint8_t* kept, std::size_t count);

  // Optimizer steps for `count` elements, with torch.optim's arithmetic; see mnist/train/optimizer.hpp.
  struct AdadeltaStep {
    double lr, rho, eps, weight_decay;
  };
  void (*adadelta)(const AdadeltaStep& step, std::size_t count, float* parameter, const float* gradient,
                   float* square_avg, float* acc_delta);
  struct SgdStep {
    double lr, momentum, weight_decay;
    bool first;  // `buffer` is not yet initialised
  };
  void (*sgd)(const SgdStep& step, std::size_t count, float* parameter, const float* gradient, float* buffer);
  struct AdamStep {
    double step_size;    // lr / (1 - beta1^t)
    double correction2;  // sqrt(1 - beta2^t)
    double beta1, beta2, eps, weight_decay;
    double keep = 1;  // factor of the parameter; AdamW: 1 - lr * decay, with `weight_decay` 0
  };
  void (*adam)(const AdamStep& step, std::size_t count, float* parameter, const float* gradient, float* exp_avg,
               float* exp_avg_sq);
};

// The kernels for the instruction sets of this CPU, best first; empty in a build without kernels (MNIST_KERNELS=OFF).
const std::vector<const Kernels*>& usable_kernels();

// The first of them; nullptr if there is none, which means LibTorch's operators.
const Kernels* best_kernels();

}  // namespace mnist
