// Facts about the process, terminal, machine and build.
#include "mnist/core/process.hpp"

#include <cstdio>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/terminal.hpp"
#include "mnist/core/version.hpp"

#include "support/one_processor.hpp"

namespace mnist {
namespace {

using ::testing::MatchesRegex;

TEST(Terminal, AFileIsNone) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  const int former = ::dup(STDERR_FILENO);
  ::dup2(::fileno(file), STDERR_FILENO);
  const bool terminal = is_terminal(Stream::err);
  const int width = terminal_width(Stream::err);
  ::dup2(former, STDERR_FILENO);
  ::close(former);
  std::fclose(file);
  EXPECT_FALSE(terminal);
  EXPECT_EQ(width, 80);
}

TEST(Process, CoresAreThoseOfTheAffinityMask) {
  EXPECT_GE(allowed_cores(), 1);
  EXPECT_LE(allowed_cores(), static_cast<int>(std::thread::hardware_concurrency()));
  const test::OneProcessor one;
  EXPECT_EQ(allowed_cores(), 1);
  EXPECT_EQ(allowed_processors().find(' '), std::string::npos);
}

TEST(Process, KnowsTheMachine) {
  EXPECT_FALSE(host_name().empty());
  EXPECT_FALSE(cpu_model().empty());
  EXPECT_TRUE(std::filesystem::exists(executable_path()));
}

TEST(Process, PeakMemoryIsInBytes) {
  constexpr std::size_t kSize = std::size_t{64} << 20;
  const std::vector<char> touched(kSize, 'x');
  const volatile char* const last = &touched.back();  // memory that nobody reads would be optimized away
  EXPECT_EQ(*last, 'x');
  EXPECT_GE(peak_memory_bytes(), kSize);
  EXPECT_LT(peak_memory_bytes(), kSize * 1000);
}

TEST(Process, TimeIsIso8601) {
  EXPECT_THAT(utc_time(), MatchesRegex("20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"));
}

TEST(BuildInfo, IsFilledIn) {
  const BuildInfo build = build_info();
  EXPECT_THAT(build.version, MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(build.git_revision, MatchesRegex("unknown|[0-9a-f]{12}(-dirty)?"));
  EXPECT_THAT(build.date, MatchesRegex("([0-9]{4}-[0-9]{2}-[0-9]{2})?"));
  EXPECT_FALSE(build.compiler.empty());
  EXPECT_FALSE(build.build_type.empty());
}

}  // namespace
}  // namespace mnist
