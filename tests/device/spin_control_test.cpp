#include "mnist/device/spin_control.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace mnist {
namespace {

TEST(SpinControl, ProcessorsAreSharedIfOthersLeaveTooFew) {
  EXPECT_FALSE(shares_processors(/*free=*/2, /*threads=*/2, /*sharing=*/false));
  EXPECT_FALSE(shares_processors(8, 2, false));
  EXPECT_TRUE(shares_processors(1.2, 2, false));
  EXPECT_TRUE(shares_processors(0, 2, false));
}

TEST(SpinControl, NearTheLimitTheAnswerHolds) {
  EXPECT_FALSE(shares_processors(1.85, 2, false));
  EXPECT_TRUE(shares_processors(1.85, 2, true));
  EXPECT_FALSE(shares_processors(1.95, 2, true));
}

#if defined(__linux__) && defined(_OPENMP) && !defined(__clang__)

int threads_of_process() {
  int count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

// Waits, because a loaded machine may delay it.
bool comes(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition() && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return condition();
}

TEST(SpinControl, AddsThreadsWhileProcessorsAreSharedAndEndsThemAfterwards) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) {
    GTEST_SKIP() << "the environment decides how threads wait";
  }
  const int before = threads_of_process();
  std::atomic<double> free = 2;
  {
    const SpinControl spin(2, [&free] { return free.load(); });
    EXPECT_EQ(threads_of_process(), before + 1);
    free = 1;
    EXPECT_TRUE(comes([&] { return threads_of_process() >= before + 3; }));
    free = 2;
    EXPECT_TRUE(comes([&] { return threads_of_process() == before + 1; }));
    free = 0;
    EXPECT_TRUE(comes([&] { return threads_of_process() >= before + 3; }));
  }
  EXPECT_TRUE(comes([&] { return threads_of_process() == before; }));
}

TEST(SpinControl, AFailureEndsOnlyTheWatching) {
  const int before = threads_of_process();
  const SpinControl spin(2, []() -> std::optional<double> { throw std::runtime_error("no memory"); });
  EXPECT_TRUE(comes([&] { return threads_of_process() == before; }));
}

TEST(SpinControl, OneThreadWaitsForNobody) {
  const int before = threads_of_process();
  const SpinControl spin(1, [] { return 0.0; });
  EXPECT_EQ(threads_of_process(), before);
}

#endif

}  // namespace
}  // namespace mnist
