// Calls that may not return.
#include "bounded_thread.hpp"

#include <atomic>

#include <gtest/gtest.h>

namespace mnist {
namespace {

using namespace std::chrono_literals;

TEST(BoundedThread, AnswersAndThrows) {
  BoundedThread thread;
  EXPECT_EQ(thread.call([] { return 7; }, 10s), 7);
  EXPECT_THROW(thread.call([]() -> int { throw std::out_of_range("no"); }, 10s), std::out_of_range);
  EXPECT_EQ(thread.call([] { return 8; }, 10s), 8);
}

TEST(BoundedThread, LeavesWhatDoesNotAnswer) {
  const auto asked = std::make_shared<std::atomic<bool>>(true);
  const auto start = std::chrono::steady_clock::now();
  {
    BoundedThread thread;
    const auto stuck = [asked] {
      while (*asked) std::this_thread::sleep_for(1ms);
    };
    EXPECT_THROW(thread.call(stuck, 50ms), std::runtime_error);
    EXPECT_THROW(thread.call([] { return 1; }, 60s), std::runtime_error);  // at once
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
  *asked = false;
}

TEST(BoundedThread, LeavesWhatItRepeatsForEver) {
  const auto stuck = std::make_shared<std::atomic<bool>>(false);
  {
    BoundedThread thread;
    thread.repeat(
        [stuck] {
          *stuck = true;
          while (*stuck) std::this_thread::sleep_for(1ms);
          return false;
        },
        1ms);
    while (!*stuck) std::this_thread::sleep_for(1ms);
  }
  *stuck = false;
}

TEST(BoundedThread, RepeatsBetweenQuestionsUntilItIsDone) {
  const auto count = std::make_shared<std::atomic<int>>(0);
  BoundedThread thread;
  thread.repeat([count] { return ++*count < 3; }, 1ms);
  while (*count < 3) EXPECT_EQ(thread.call([] { return 7; }, 10s), 7);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(*count, 3);
}

}  // namespace
}  // namespace mnist
