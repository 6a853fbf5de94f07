// A memory limit for this process, for tests of memory bounds.
#pragma once

#include <cstdint>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

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

// Sanitizers reserve terabytes of address space, which cannot be limited, and keep freed memory.
#ifdef MNIST_TEST_SANITIZED
inline constexpr bool kMemoryIsCounted = false;
#else
inline constexpr bool kMemoryIsCounted = true;
#endif

// While it lives, allocating more than `bytes` in addition to the present memory throws std::bad_alloc. Address space
// counts, even if it is not used. Does nothing if `kMemoryIsCounted` is false.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::uint64_t bytes) {
    ::getrlimit(RLIMIT_AS, &before_);
    if (!kMemoryIsCounted) return;
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    if (pages == 0) return;  // not Linux
    struct rlimit limit = before_;
    limit.rlim_cur = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + bytes;
    ::setrlimit(RLIMIT_AS, &limit);
  }
  ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &before_); }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  struct rlimit before_ {};
};

}  // namespace mnist::test
