// What depends on the processors that this process may use.
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "mnist/core/machine_load.hpp"
#include "mnist/core/process.hpp"

#include "support/one_processor.hpp"

namespace mnist {
namespace {

TEST(Process, CoresAreThoseOfTheAffinityMask) {
  EXPECT_GE(allowed_cores(), 1);
  EXPECT_LE(allowed_cores(), static_cast<int>(std::thread::hardware_concurrency()));
  const test::OneProcessor one;
  EXPECT_EQ(allowed_cores(), 1);
  EXPECT_EQ(allowed_processors().find(' '), std::string::npos);
}

TEST(MachineLoad, NoMoreIsFreeThanThisProcessMayUse) {
  const test::OneProcessor one;
  const auto free = free_processors(std::chrono::milliseconds(100));
  if (!free) GTEST_SKIP() << "this system does not tell";
  EXPECT_GE(*free, 0);
  EXPECT_LT(*free, 1.5);  // the system counts in hundredths of a second
}

}  // namespace
}  // namespace mnist
