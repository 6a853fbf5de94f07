#include "mnist/data/dataset.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include "mnist/core/error.hpp"

#include "support/small_mnist.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The error of loading the test split, with its hint.
std::string load_error(const std::string& name, const std::filesystem::path& dir) {
  try {
    load_dataset(name, dir, Split::test);
  } catch (const Error& error) {
    return std::string(error.what()) + " | " + error.hint();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST(DatasetTest, LoadsBothSplitsPlainAndPacked) {
  for (const bool packed : {false, true}) {
    const test::TemporaryFolder folder;
    test::write_small_mnist(folder.path(), 30, 20, packed);
    const auto train = load_dataset("mnist", folder.path(), Split::train);
    EXPECT_EQ(train.size(), 30);
    const auto data = load_dataset("mnist", folder.path(), Split::test);
    EXPECT_EQ(data.name, "mnist");
    EXPECT_EQ(data.images.sizes(), (std::vector<std::int64_t>{20, 1, 28, 28}));
    EXPECT_EQ(data.images.scalar_type(), torch::kUInt8);
    EXPECT_TRUE(data.labels.equal(torch::arange(20).remainder(10)));
    EXPECT_EQ(data.class_names.size(), 10U);
  }
}

TEST(DatasetTest, LoadsAFolderThatHoldsTheFilesWithEitherName) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "t10k-images.idx3-ubyte", test::small_images(5, 1));
  test::write_file(folder / "t10k-labels-idx1-ubyte.gz", test::gzip(test::small_labels(5)));
  EXPECT_EQ(load_dataset("fashion-mnist", folder.path(), Split::test).size(), 5);
}

// Copies the fixture of three images to a file of the corrupted-MNIST exercise.
void add_tensors(const std::filesystem::path& folder, const std::string& images, const std::string& target) {
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(test::fixture("models/tensor_images.pt"), folder / images);
  std::filesystem::copy_file(test::fixture("models/tensor_target.pt"), folder / target);
}

TEST(DatasetTest, LoadsTheTensorFilesOfCorruptMnist) {
  const test::TemporaryFolder folder;
  add_tensors(folder / "corruptmnist", "train_images_0.pt", "train_target_0.pt");
  add_tensors(folder / "corruptmnist", "train_images_1.pt", "train_target_1.pt");
  add_tensors(folder / "corruptmnist", "test_images.pt", "test_target.pt");
  const Dataset train = load_dataset("corruptmnist", folder.path(), Split::train);
  EXPECT_EQ(train.images.sizes(), (std::vector<std::int64_t>{6, 1, 28, 28}));
  EXPECT_EQ(train.images.scalar_type(), torch::kUInt8);
  EXPECT_EQ(train.images[0][0][0][5].item<int>(), 5);
  EXPECT_TRUE(train.labels.equal(torch::tensor({7, 0, 9, 7, 0, 9}, torch::kInt64)));
  EXPECT_EQ(load_dataset("corruptmnist", folder / "corruptmnist", Split::test).size(), 3);
  std::filesystem::remove(folder / "corruptmnist" / "test_target.pt");
  EXPECT_THAT(load_error("corruptmnist", folder.path()), HasSubstr("no '" + (folder / "corruptmnist").string()));
}

void write_tensor_file(const std::filesystem::path& path, const torch::Tensor& tensor) {
  const std::vector<char> bytes = torch::jit::pickle_save(tensor);
  test::write_file(path, {bytes.begin(), bytes.end()});
}

TEST(DatasetTest, SaysWhichShapesCorruptMnistMustHave) {
  struct Case {
    torch::Tensor images;
    torch::Tensor labels;
    std::string message;
    std::string hint;
  };
  const auto images = torch::zeros({4, 28, 28});
  const auto labels = torch::zeros({4}, torch::kInt64);
  const std::vector<Case> cases{
      {images.view({4, 784}), labels, "holds float32 [4, 784], not floats [N, 28, 28]", "images.view(-1, 28, 28)"},
      {images.view({4, 1, 28, 28}), labels, "holds float32 [4, 1, 28, 28], not floats", "images.view(-1, 28, 28)"},
      {images.to(torch::kUInt8), labels, "holds uint8 [4, 28, 28], not floats", "corrupt_mnist.py"},
      {torch::zeros({4, 32, 32}), labels, "holds images of 32 x 32 pixels, not 28 x 28", "corrupt_mnist.py"},
      {torch::zeros({0, 28, 28}), torch::zeros({0}, torch::kInt64), "holds no images", "corrupt_mnist.py"},
      {images, labels.to(torch::kInt32), "holds int32 [4], not labels: int64 [N]", "labels.long()"},
      {images, labels.view({4, 1}), "holds int64 [4, 1], not labels", "corrupt_mnist.py"},
      {images, torch::zeros({3}, torch::kInt64), "holds 4 images", "same data set"},
      {images, torch::full({4}, 10, torch::kInt64), "holds the label 10, outside of 0 to 9", "damaged"},
  };
  for (const Case& one : cases) {
    const test::TemporaryFolder folder;
    write_tensor_file(folder / "test_images.pt", one.images);
    write_tensor_file(folder / "test_target.pt", one.labels);
    EXPECT_THAT(load_error("corruptmnist", folder.path()),
                AllOf(HasSubstr(one.message), HasSubstr(" | "), HasSubstr(one.hint)));
  }
}

TEST(DatasetTest, PrefersTheUnpackedFile) {
  const test::TemporaryFolder folder;
  test::write_small_mnist(folder.path(), 3, 3, true);
  test::write_small_mnist(folder.path(), 4, 4, false);
  EXPECT_EQ(load_dataset("mnist", folder.path(), Split::test).size(), 4);
}

TEST(DatasetTest, FindsFashionInItsOwnFolder) {
  const test::TemporaryFolder folder;
  test::write_small_mnist(folder.path(), 3, 3);
  EXPECT_THAT(load_error("fashion-mnist", folder.path()), HasSubstr("FashionMNIST/raw"));
  std::filesystem::rename(folder / "MNIST", folder / "FashionMNIST");
  EXPECT_EQ(load_dataset("fashion-mnist", folder.path(), Split::test).class_names[9], "Ankle boot");
}

TEST(DatasetTest, SaysWhereItLookedAndHowToGetTheData) {
  const test::TemporaryFolder folder;
  EXPECT_THAT(load_error("mnist", folder.path()),
              AllOf(HasSubstr("MNIST/raw' or '" + folder.path().string() + "'"), HasSubstr("t10k-images-idx3-ubyte.gz"),
                    HasSubstr("scripts/fetch_data mnist"), HasSubstr("--data-dir")));
  EXPECT_THAT(load_error("mnist", folder / "none"), HasSubstr("none' does not exist"));
  std::filesystem::create_directories(folder / "train" / "ants");
  EXPECT_THAT(load_error("mnist", folder.path()), HasSubstr("--arch resnet18"));
}

TEST(DatasetTest, RefusesOtherSizes) {
  const test::TemporaryFolder folder;
  auto images = test::small_images(28, 1);
  std::swap(images[7], images[11]);  // 28 items of 28 x 28
  images[7] = 14;
  images[11] = 56;
  test::write_file(folder / "t10k-images-idx3-ubyte", images);
  test::write_file(folder / "t10k-labels-idx1-ubyte", test::small_labels(14));
  EXPECT_THAT(load_error("mnist", folder.path()),
              AllOf(HasSubstr("images of 56 x 28 pixels, not 28 x 28"), HasSubstr("another data set")));
}

TEST(DatasetTest, RefusesDifferentCounts) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "t10k-images-idx3-ubyte", test::small_images(5, 1));
  test::write_file(folder / "t10k-labels-idx1-ubyte", test::small_labels(6));
  EXPECT_THAT(load_error("mnist", folder.path()), AllOf(HasSubstr("holds 5 images"), HasSubstr("holds 6 labels")));
}

TEST(DatasetTest, RefusesNoItems) {
  const test::TemporaryFolder folder;
  test::write_small_mnist(folder.path(), 0, 0);
  EXPECT_THAT(load_error("mnist", folder.path()), HasSubstr("holds no images"));
}

TEST(DatasetTest, RefusesLabelsOutsideTheClasses) {
  const test::TemporaryFolder folder;
  test::write_small_mnist(folder.path(), 3, 3, false);
  test::write_file(folder / "MNIST" / "raw" / "t10k-labels-idx1-ubyte",
                   test::small_labels(2).replace(7, 1, "\3") + "\x0a");
  EXPECT_THAT(load_error("mnist", folder.path()), HasSubstr("holds the label 10, outside of 0 to 9"));
}

TEST(DatasetTest, KnowsItsNames) {
  EXPECT_THAT(dataset_names(), ElementsAre("mnist", "fashion-mnist", "corruptmnist"));
  EXPECT_EQ(dataset_class_names("fashion-mnist")[0], "T-shirt/top");
  try {
    dataset_class_names("minst");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.hint(), HasSubstr("mnist"));
  }
}

}  // namespace
}  // namespace mnist
