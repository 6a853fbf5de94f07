// Devices on a machine without a GPU, and every way in which CUDA can be missing.
#include "mnist/device/device.hpp"

#include <string>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "mnist/core/error.hpp"
#include "mnist/device/cuda_library.hpp"
#include "mnist/device/runtime.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A library that every Linux machine can load, as a replacement for the driver.
constexpr const char* kLoads = "libc.so.6";

std::string error_of(const std::string& name, ErrorKind kind) {
  try {
    select_device(name);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << name;
    EXPECT_FALSE(error.hint().empty()) << name;
    return error.what();
  }
  ADD_FAILURE() << name << " was accepted";
  return "";
}

TEST(Device, CpuIsAlwaysThere) {
  const DeviceChoice choice = select_device("cpu");
  EXPECT_TRUE(choice.device.is_cpu());
  EXPECT_THAT(choice.description, StartsWith("cpu ("));
}

TEST(Device, AutoNeverThrowsAndSaysWhyItIsNotAGpuOrWhichOfSeveral) {
  const DeviceChoice choice = select_device("auto");
  const int gpus = load_cuda().device_count;
  if (choice.device.is_cpu()) {
    EXPECT_EQ(choice.note.empty(), !load_cuda().has_driver) << "a missing driver is no news";
    EXPECT_NE(choice.note.empty(), choice.no_gpu.empty());
  } else if (choice.device.is_cuda() && gpus > 1) {
    EXPECT_THAT(choice.note, HasSubstr("of " + std::to_string(gpus) + " GPUs"));
  } else {
    EXPECT_EQ(choice.note, "");
  }
}

TEST(Device, OtherNamesAreUsageErrors) {
  for (const char* name : {"gpu", "cuda0", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:99999999999", "CPU", ""}) {
    EXPECT_THAT(error_of(name, ErrorKind::usage), HasSubstr("there is no device")) << name;
  }
}

TEST(Device, AGpuThatIsNotThereIsADeviceErrorThatSaysWhy) {
  if (load_cuda().usable) {
    EXPECT_THAT(error_of("cuda:999", ErrorKind::device), HasSubstr("this process sees"));
  } else {
    EXPECT_THAT(error_of("cuda", ErrorKind::device), HasSubstr("device 'cuda' is not available: "));
    EXPECT_THAT(error_of("cuda:3", ErrorKind::device), HasSubstr("device 'cuda:3' is not available: "));
  }
}

#if !defined(__APPLE__)
TEST(Device, MpsIsApplesOwn) {
  EXPECT_THAT(error_of("mps", ErrorKind::device), HasSubstr("Apple"));
}
#endif

TEST(CudaLibrary, NoDriver) {
  const CudaStatus status = load_cuda("libno-such-driver.so.1", cuda_library_path());
  EXPECT_FALSE(status.usable);
  EXPECT_FALSE(status.has_driver);
  EXPECT_THAT(status.reason, StartsWith("no NVIDIA driver was found (libno-such-driver.so.1"));
  EXPECT_THAT(status.hint, HasSubstr("--device cpu"));
}

TEST(CudaLibrary, LibTorchWithoutItsCudaHalf) {
  const test::TemporaryFolder folder;
  const CudaStatus status = load_cuda(kLoads, folder / "libtorch_cuda.so");
  EXPECT_FALSE(status.usable);
  EXPECT_TRUE(status.has_driver);
  EXPECT_THAT(status.reason, HasSubstr("has no CUDA library"));
  EXPECT_THAT(status.hint, HasSubstr("CUDA build of LibTorch"));
}

TEST(CudaLibrary, ALibraryThatDoesNotLoadIsNamedByTheLoader) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "libtorch_cuda.so", "not a library");
  const CudaStatus status = load_cuda(kLoads, folder / "libtorch_cuda.so");
  EXPECT_FALSE(status.usable);
  EXPECT_THAT(status.reason, HasSubstr("does not load: "));
  EXPECT_THAT(status.reason, HasSubstr("libtorch_cuda.so"));
}

TEST(CudaLibrary, IsLookedForBesideTheLibTorchInUse) {
  EXPECT_TRUE(std::filesystem::exists(cuda_library_path().parent_path() / "libtorch_cpu.so")) << cuda_library_path();
}

TEST(Runtime, ThreadsAreSet) {
  EXPECT_EQ(set_threads(1), 1);
  EXPECT_EQ(at::get_num_threads(), 1);
  EXPECT_GE(set_threads(0), 1);
}

TEST(Runtime, PrecisionByName) {
  const c10::Device cpu(c10::kCPU);
  EXPECT_EQ(choose_precision("fp32", cpu), Precision::fp32);
  EXPECT_EQ(choose_precision("bf16", cpu), Precision::bf16);
  EXPECT_NO_THROW(choose_precision("auto", cpu));
  EXPECT_THROW(choose_precision("fp16", cpu), Error);
  EXPECT_THROW(choose_precision("bf16", c10::Device(c10::kMPS)), Error);
}

TEST(Runtime, PrecisionScopeHoldsWithinItsScopeOnly) {
  const c10::Device cpu(c10::kCPU);
  const torch::Tensor x = at::rand({4, 4});
  {
    const PrecisionScope scope(Precision::bf16, cpu);
    EXPECT_EQ(at::matmul(x, x).scalar_type(), at::kBFloat16);
  }
  EXPECT_EQ(at::matmul(x, x).scalar_type(), at::kFloat);
  const PrecisionScope scope(Precision::fp32, cpu);
  EXPECT_EQ(at::matmul(x, x).scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace mnist
