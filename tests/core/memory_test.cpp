#include "mnist/core/memory.hpp"

#include <gtest/gtest.h>

namespace mnist {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(Memory, WhatIsAvailableIsInBytes) {
  const auto available = available_memory();
  if (!available) GTEST_SKIP() << "this system does not tell";
  EXPECT_GT(*available, 16 * kMiB);
  EXPECT_LT(*available, std::uint64_t{1} << 50);
}

}  // namespace
}  // namespace mnist
