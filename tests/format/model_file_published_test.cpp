// Published files of other projects, if available: in the folder of the environment variable MNIST_TEST_DATA.
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "format/models.hpp"

namespace mnist::test {
namespace {

std::filesystem::path published(const std::string& name) {
  const char* folder = std::getenv("MNIST_TEST_DATA");
  return folder != nullptr ? std::filesystem::path(folder) / "weights" / name : std::filesystem::path();
}

TEST(PublishedFiles, LegacyStreamAndZipHoldTheSameTensors) {
  const auto legacy = published("chtc_lenet_mnist_cnn.legacy.pt");
  const auto zip = published("chtc_lenet_mnist_cnn.zip.pt");
  if (!std::filesystem::exists(legacy) || !std::filesystem::exists(zip)) {
    GTEST_SKIP() << "MNIST_TEST_DATA does not name a folder with weights/chtc_lenet_mnist_cnn.*.pt";
  }
  const auto model = read_model_file(legacy);
  EXPECT_EQ(model.layout, "PyTorch legacy stream");
  ASSERT_EQ(model.state.size(), 8U);
  EXPECT_EQ(model.state[0].first, "conv1.weight");
  EXPECT_EQ(model.state[0].second.sizes(), (std::vector<std::int64_t>{20, 1, 5, 5}));
  expect_same_state(read_model_file(zip).state, model.state);
}

TEST(PublishedFiles, ResNet18OfTorchvision) {
  const auto path = published("resnet18_imagenet_standin.pth");
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << "MNIST_TEST_DATA does not name a folder with weights/resnet18_imagenet_standin.pth";
  }
  const auto model = read_model_file(path);
  EXPECT_EQ(model.state.size(), 102U);
  EXPECT_EQ(model.state.back().first, "fc.bias");
  EXPECT_EQ(model.state.back().second.sizes(), (std::vector<std::int64_t>{1000}));
}

}  // namespace
}  // namespace mnist::test
