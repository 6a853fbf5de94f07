// What `mnist info --watch` prints for people and for monitors.
#include "gpu_watch.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/program.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const GpuSample kSample = {"node7",
                           "580.1",
                           "2026-11-21T10:25:03Z",
                           {{.index = 0,
                             .uuid = "GPU-1",
                             .name = "NVIDIA H200",
                             .memory_total = 140ULL << 30,
                             .memory_used = 1ULL << 30,
                             .temperature = 54,
                             .utilization = 87,
                             .power = 210.5},
                            {.index = 1, .uuid = "GPU-2", .name = "old", .memory_total = 2ULL << 30}}};

TEST(GpuWatch, JsonHasAnObjectAGpuAndNullForWhatItDoesNotTell) {
  const std::string line = sample_json(kSample);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["hostname"], "node7");
  EXPECT_EQ(json["driver"], "580.1");
  EXPECT_EQ(json["time"], "2026-11-21T10:25:03Z");
  ASSERT_EQ(json["gpus"].size(), 2U);
  EXPECT_EQ(json["gpus"][0]["uuid"], "GPU-1");
  EXPECT_EQ(json["gpus"][0]["temperature_c"], 54);
  EXPECT_EQ(json["gpus"][0]["utilization_pct"], 87);
  EXPECT_EQ(json["gpus"][0]["power_w"], 210.5);
  EXPECT_EQ(json["gpus"][0]["memory_used_mib"], 1024);
  EXPECT_EQ(json["gpus"][0]["memory_total_mib"], 143360);
  EXPECT_TRUE(json["gpus"][1]["power_w"].is_null());
}

TEST(GpuWatch, TextHasALineAGpu) {
  EXPECT_EQ(sample_text(kSample),
            "2026-11-21T10:25:03Z  node7  GPU 0 NVIDIA H200: 87 %, 1.0 of 140.0 GiB, 54 C, 210 W\n"
            "2026-11-21T10:25:03Z  node7  GPU 1 old: 0.0 of 2.0 GiB\n");
}

// By a library that stands in for NVIDIA's (tests/device/fake_nvml.cpp).
TEST(GpuWatch, PrintsAgainAndAgainUntilItIsStopped) {
  const test::TemporaryFolder folder;
  std::filesystem::create_symlink(MNIST_FAKE_NVML, folder / "libnvidia-ml.so.1");
  test::Subprocess mnist = test::program(MNIST_BINARY, {"info", "--watch", "0.1", "--format", "json"},
                                         {{"LD_LIBRARY_PATH", folder.path().string()}});
  mnist.signal = SIGINT;
  mnist.signal_when = [](const std::string& out) { return std::ranges::count(out, '\n') >= 2; };
  const test::SubprocessResult result = run(mnist);
  EXPECT_EQ(result.exit_code, 130);
  const auto json = nlohmann::json::parse(result.out.substr(0, result.out.find('\n')));
  EXPECT_EQ(json["driver"], "580.00.1");
  EXPECT_EQ(json["gpus"].size(), 2U);
  EXPECT_EQ(json["gpus"][0]["power_w"], 210.5);
}

TEST(GpuWatch, WantsADriverAndNoModelFile) {
  const test::SubprocessResult both = run(test::program(MNIST_BINARY, {"info", "m.pt", "--watch", "1"}));
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_THAT(both.err, AllOf(HasSubstr("--watch"), HasSubstr("hint: ")));
  std::string why;
  if (GpuMonitor::open(why) != nullptr) GTEST_SKIP() << "this machine has NVIDIA's driver";
  const test::SubprocessResult none = run(test::program(MNIST_BINARY, {"info", "--watch", "1"}));
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_THAT(none.err, AllOf(HasSubstr("error: there is no GPU to watch: "), HasSubstr("hint: ")));
}

}  // namespace
}  // namespace mnist::cli
