// A bound on the memory that this process takes, for tests that promise one.
#pragma once

#include <cstdint>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace mnist::test {

// g++ has a macro for each sanitizer, clang a feature.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MNIST_TEST_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MNIST_TEST_SANITIZED
#endif

// The sanitizers reserve terabytes of addresses, which cannot be bounded, and keep freed memory.
#ifdef MNIST_TEST_SANITIZED
inline constexpr bool kMemoryIsCounted = false;
#else
inline constexpr bool kMemoryIsCounted = true;
#endif

// While it lives, taking more than `bytes` beyond what the process has now throws std::bad_alloc. Addresses count, not
// only what is used of them. Does nothing where memory is not counted.
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
