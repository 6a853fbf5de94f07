// The bound of this process's memory.
#include <cstdint>
#include <new>
#include <sys/resource.h>

#include <gtest/gtest.h>

#include "mnist/core/memory.hpp"

#include "support/memory_limit.hpp"

namespace mnist {
namespace {

// Allocates and frees `bytes` without using them.
void take(std::uint64_t bytes) {
  void* const memory = ::operator new(bytes);
  volatile bool taken = memory != nullptr;  // otherwise the call would be optimized away
  static_cast<void>(taken);
  ::operator delete(memory);
}

// Whether a limit of this process is kept. qemu, which runs programs of other processors, takes limits of memory
// without an error and ignores them, because they would be its own.
bool limits_are_kept() {
  rlimit before{};
  if (::getrlimit(RLIMIT_DATA, &before) != 0) return false;
  rlimit narrow = before;
  narrow.rlim_cur = 4096;
  rlimit now{};
  const bool kept =
      ::setrlimit(RLIMIT_DATA, &narrow) == 0 && ::getrlimit(RLIMIT_DATA, &now) == 0 && now.rlim_cur == narrow.rlim_cur;
  ::setrlimit(RLIMIT_DATA, &before);
  return kept;
}

TEST(MemoryBound, WithinTheBoundMostOfWhatIsAvailableIsThere) {
  const auto available = available_memory();
  if (!available) GTEST_SKIP() << "this system does not tell";
  if (!test::kMemoryIsCounted) GTEST_SKIP() << "the sanitizers' allocator ends the program instead of throwing";
  if (!limits_are_kept()) GTEST_SKIP() << "this system ignores limits";
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_DATA, &before), 0);
  {
    const MemoryBound bound;
    EXPECT_NO_THROW(take(*available / 2));
    EXPECT_THROW(take(*available), std::bad_alloc);
  }
  rlimit after{};
  ::getrlimit(RLIMIT_DATA, &after);
  EXPECT_EQ(after.rlim_cur, before.rlim_cur) << "the bound is still there";
}

TEST(MemoryBound, ANarrowerLimitStays) {
  if (!test::kMemoryIsCounted) GTEST_SKIP() << "the sanitizers' allocator finds no memory within the limit";
  if (!limits_are_kept()) GTEST_SKIP() << "this system ignores limits";
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_DATA, &before), 0);
  rlimit narrow = before;
  narrow.rlim_cur = 4096;
  ASSERT_EQ(::setrlimit(RLIMIT_DATA, &narrow), 0);
  rlimit within{};
  {
    const MemoryBound bound;
    ::getrlimit(RLIMIT_DATA, &within);
  }
  rlimit after{};
  ::getrlimit(RLIMIT_DATA, &after);
  ::setrlimit(RLIMIT_DATA, &before);
  EXPECT_EQ(within.rlim_cur, 4096U);
  EXPECT_EQ(after.rlim_cur, 4096U);
}

}  // namespace
}  // namespace mnist
