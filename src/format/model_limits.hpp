// Limits for model files. The largest network of this program has 102 MB of weights, with 20,000 classes 258 MB;
// checkpoints of other programs contain several times as much.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mnist {

inline constexpr std::uint64_t kMaxModelFileBytes = std::uint64_t{1} << 30;
inline constexpr std::uint64_t kMaxTensorBytes = std::uint64_t{256} << 20;  // of all tensors together
inline constexpr std::size_t kMaxTensors = 100'000;

}  // namespace mnist
