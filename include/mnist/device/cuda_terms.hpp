// Terms that the program and its plug-in for NVIDIA GPUs share: update rules and the columns of tables. No LibTorch.
#pragma once

#include <cstdint>

namespace mnist {

enum class CudaUpdateRule { adadelta, sgd, adam, adamw };

struct CudaUpdate {
  CudaUpdateRule rule = CudaUpdateRule::adadelta;
  double weight_decay = 0;
  double decay1 = 0;  // adadelta: rho; sgd: momentum; adam, adamw: beta 1
  double decay2 = 0;  // adam, adamw: beta 2
  double eps = 0;     // all but sgd
};

// One parameter of a network, all float of `count` elements in the same order of memory.
struct CudaUpdatePart {
  float* parameter = nullptr;
  const float* gradient = nullptr;
  float* state1 = nullptr;  // adadelta: square average; sgd: momentum, or nullptr without; adam, adamw: first moment
  float* state2 = nullptr;  // adadelta: average of squared updates; adam, adamw: second moment
  std::int64_t count = 0;
};

// A row of the table of rates, a step: {learning rate, correction of its first moment, of its second}; the last two are
// Adam's and AdamW's, else 1.
inline constexpr std::int64_t kCudaRateColumns = 3;

// A row of the table of photos: where the pixels begin, height, width.
inline constexpr std::int64_t kCudaPlaceColumns = 3;

// A row of the table of crops, a position of the order: top, left, height, width, 1 where left and right are swapped.
inline constexpr std::int64_t kCudaCropColumns = 5;

}  // namespace mnist
