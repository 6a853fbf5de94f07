// Types that the program and its CUDA plug-in share: update rules and the columns of tables. Does not need LibTorch.
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

// One parameter of a network. All arrays are float [count] and have the same element order.
struct CudaUpdatePart {
  float* parameter = nullptr;
  const float* gradient = nullptr;
  float* state1 = nullptr;  // adadelta: square average; sgd: momentum buffer or nullptr; adam, adamw: first moment
  float* state2 = nullptr;  // adadelta: average of squared updates; adam, adamw: second moment
  std::int64_t count = 0;
};

// A row of the rate table, for one step: {learning rate, bias correction of the first moment, of the second moment}.
// The corrections are for Adam and AdamW; 1 for other rules.
inline constexpr std::int64_t kCudaRateColumns = 3;

// A row of the photo table: offset of the pixels, height, width.
inline constexpr std::int64_t kCudaPlaceColumns = 3;

// A row of the crop table, for one position of the order: top, left, height, width, and 1 if the crop is mirrored (left
// and right swapped), else 0.
inline constexpr std::int64_t kCudaCropColumns = 5;

}  // namespace mnist
