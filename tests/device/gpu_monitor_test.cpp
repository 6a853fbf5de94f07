// NVML that is missing, that is another library, and that answers (a fake library).
#include "mnist/device/gpu_monitor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mnist {
namespace {

using ::testing::HasSubstr;

TEST(GpuMonitor, IsNotThere) {
  std::string why;
  EXPECT_EQ(GpuMonitor::open("libno-such-nvml.so.1", why), nullptr);
  EXPECT_THAT(why, HasSubstr("libno-such-nvml.so.1 does not load"));
}

TEST(GpuMonitor, IsSomethingElse) {
  std::string why;
  EXPECT_EQ(GpuMonitor::open("libc.so.6", why), nullptr);
  EXPECT_THAT(why, HasSubstr("not NVIDIA's management library"));
}

TEST(GpuMonitor, TellsOfEveryGpu) {
  std::string why;
  const auto monitor = GpuMonitor::open(MNIST_FAKE_NVML, why);
  ASSERT_NE(monitor, nullptr) << why;
  EXPECT_EQ(monitor->driver_version(), "580.00.1");
  const std::vector<GpuFigures> gpus = monitor->read();
  ASSERT_EQ(gpus.size(), 2U);
  EXPECT_EQ(gpus[0].uuid, "GPU-1");
  EXPECT_EQ(gpus[0].name, "Fake GPU");
  EXPECT_EQ(gpus[0].temperature, 54);
  EXPECT_EQ(gpus[0].utilization, 87);
  EXPECT_EQ(gpus[0].power, 210.5);
  EXPECT_EQ(gpus[0].memory_free(), 2ULL << 30);
  EXPECT_EQ(gpus[1].temperature, std::nullopt);
  EXPECT_EQ(gpus[1].power, std::nullopt);
  EXPECT_EQ(gpus[1].utilization, 87);
}

TEST(GpuMonitor, FindsAGpuByItsUuid) {
  std::string why;
  const auto monitor = GpuMonitor::open(MNIST_FAKE_NVML, why);
  ASSERT_NE(monitor, nullptr) << why;
  ASSERT_TRUE(monitor->read("GPU-2"));
  EXPECT_EQ(monitor->read("GPU-2")->index, 1);
  EXPECT_FALSE(monitor->read("GPU-3"));
}

}  // namespace
}  // namespace mnist
