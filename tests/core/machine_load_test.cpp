#include "mnist/core/machine_load.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace mnist {
namespace {

constexpr const char* kStat =
    "cpu  100 0 0 1110 222 0 0 0 0 0\n"
    "cpu0 50 1 2 1000 200 3 4 5 0 0\n"
    "cpu1 50 1 2 100 20 3 4 5 0 0\n"
    "cpu10 50 1 2 10 2 3 4 5 0 0\n"
    "intr 1 2 3 4 5 6\n";

std::optional<double> idle_of(const std::string& stat, const std::function<bool(int)>& counts) {
  std::istringstream in(stat);
  return idle_ticks(in, counts);
}

TEST(MachineLoad, IdleIsIdleAndWaitingForADisk) {
  EXPECT_EQ(idle_of(kStat, [](int /*processor*/) { return true; }), 1332);
}

TEST(MachineLoad, IsOfTheProcessorsThatCount) {
  EXPECT_EQ(idle_of(kStat, [](int processor) { return processor == 1; }), 120);
  EXPECT_EQ(idle_of(kStat, [](int processor) { return processor != 1; }), 1212);
}

TEST(MachineLoad, WithoutThemThereIsNoAnswer) {
  EXPECT_EQ(idle_of(kStat, [](int processor) { return processor == 7; }), std::nullopt);
  EXPECT_EQ(idle_of("", [](int /*processor*/) { return true; }), std::nullopt);
  EXPECT_EQ(idle_of("cpu0 1 2\ncpux 1 2 3 4 5\n", [](int /*processor*/) { return true; }), std::nullopt);
}

}  // namespace
}  // namespace mnist
