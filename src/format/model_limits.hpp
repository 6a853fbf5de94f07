// What is read of a model file at most. The largest network of this program has 102 MB of weights, with 20,000 classes
// 258 MB; a checkpoint of another program holds that several times over.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mnist {

inline constexpr std::uint64_t kMaxModelFileBytes = std::uint64_t{1} << 30;
inline constexpr std::uint64_t kMaxTensorBytes = std::uint64_t{256} << 20;  // of all tensors that are read
inline constexpr std::size_t kMaxTensors = 100'000;

}  // namespace mnist
