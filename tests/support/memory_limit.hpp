// A memory limit for this process, for tests of memory bounds.
#pragma once

#include <cstdint>

namespace mnist::test {

// g++ defines a macro for each sanitizer, clang a feature.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MNIST_TEST_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MNIST_TEST_SANITIZED
#endif

// Sanitizers reserve terabytes of address space, which cannot be limited, and keep freed memory. Windows has no such
// limit.
#if defined(MNIST_TEST_SANITIZED) || defined(_WIN32)
inline constexpr bool kMemoryIsCounted = false;
#else
inline constexpr bool kMemoryIsCounted = true;
#endif

// While it lives, allocating more than `bytes` in addition to the present memory throws std::bad_alloc. Address space
// counts, even if it is not used. Does nothing if `kMemoryIsCounted` is false.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::uint64_t bytes);
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  std::uint64_t before_ = 0;  // the limit to restore
};

}  // namespace mnist::test
