// Facts about the process, terminal, machine and build.
#include "mnist/core/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/version.hpp"

#include "support/pattern.hpp"

namespace mnist {
namespace {

TEST(Process, KnowsTheMachine) {
  EXPECT_FALSE(host_name().empty());
  EXPECT_FALSE(cpu_model().empty());
  EXPECT_TRUE(std::filesystem::exists(executable_path()));
}

TEST(Process, PeakMemoryIsInBytes) {
  constexpr std::size_t kSize = std::size_t{64} << 20;
  std::vector<char> memory(kSize);
  // A compiler may leave out what fills memory that nobody reads, so every page is written as volatile.
  volatile char* const bytes = memory.data();
  for (std::size_t i = 0; i < kSize; i += 1024) bytes[i] = 'x';
  EXPECT_GE(peak_memory_bytes(), kSize);
  EXPECT_LT(peak_memory_bytes(), kSize * 1000);
}

TEST(Process, TimeIsIso8601) {
  EXPECT_THAT(utc_time(), test::MatchesPattern("20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"));
}

TEST(BuildInfo, IsFilledIn) {
  const BuildInfo build = build_info();
  EXPECT_THAT(build.version, test::MatchesPattern("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(build.git_revision, test::MatchesPattern("unknown|[0-9a-f]{12}(-dirty)?"));
  EXPECT_THAT(build.date, test::MatchesPattern("([0-9]{4}-[0-9]{2}-[0-9]{2})?"));
  EXPECT_FALSE(build.compiler.empty());
  EXPECT_FALSE(build.build_type.empty());
}

}  // namespace
}  // namespace mnist
