#include "mnist/data/decoding_memory.hpp"

#include <algorithm>

#include <c10/util/Exception.h>

namespace mnist {

DecodingMemory::DecodingMemory(int threads)
    : free_(kMaxPerPicture + kExtraPerThread * static_cast<std::uint64_t>(std::max(0, threads - 1))) {}

DecodingMemory::Share DecodingMemory::reserve(std::uint64_t bytes) {
  TORCH_INTERNAL_ASSERT(bytes <= kMaxPerPicture, "would wait for ever");
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [&] { return free_ >= bytes; });
  free_ -= bytes;
  return {*this, bytes};
}

std::uint64_t DecodingMemory::free() const {
  const std::lock_guard lock(mutex_);
  return free_;
}

void DecodingMemory::release(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    free_ += bytes;
  }
  freed_.notify_all();
}

}  // namespace mnist
