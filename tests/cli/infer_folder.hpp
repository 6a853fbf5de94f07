// What the tests of `mnist infer` have in common: a folder to run it in, and its output taken apart.
#pragma once

#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "mnist/data/batch.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"

#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {

using test::lines_of;

constexpr std::int64_t kItems = 12;

inline std::vector<std::string> fields_of(const std::string& line, char separator) {
  std::istringstream in(line);
  std::vector<std::string> fields;
  for (std::string field; std::getline(in, field, separator);) fields.push_back(field);
  return fields;
}

// A folder with a data set, an untrained but fixed model, and the data set's test items as images.
class InferTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new test::TemporaryFolder;
    test::write_small_mnist(*folder_ / "data", kItems, kItems);
    const auto& info = model_info("lenet");
    const auto network = make_network(info, 10, 3);
    Recipe recipe;
    recipe.arch = "lenet";
    recipe.class_names = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine, at last"};
    recipe.preprocessing = info.preprocessing;
    // Untrained logits lie so close together that every item would get the same class.
    const c10::AutoGradMode no_grad(false);
    for (const auto& [name, tensor] : state_dict(*network)) {
      if (name == info.head) tensor.mul_(40);
    }
    write_model_file(*folder_ / "model.pt", state_dict(*network), recipe);

    const auto dataset = load_dataset("mnist", *folder_ / "data", Split::test);
    network->eval();
    const auto batch = gather_batch(dataset, torch::arange(kItems), info.preprocessing);
    const auto probabilities = network->forward(batch.inputs, Dropout::off()).softmax(1);
    for (std::int64_t item = 0; item < kItems; ++item) {
      const auto index = probabilities[item].argmax().item<std::int64_t>();
      expected_.push_back(recipe.class_names[static_cast<std::size_t>(index)]);
      probability_.push_back(probabilities[item][index].item<double>());
      std::filesystem::create_directories(*folder_ / "images" / "more");
      write_png(image(item), dataset.images[item].permute({1, 2, 0}));
    }
    test::write_file(*folder_ / "images" / "notes.txt", "no image");
    ASSERT_GE(std::set<std::string>(expected_.begin(), expected_.end()).size(), 3U) << "too few to tell items apart";
  }

  static void TearDownTestSuite() {
    delete folder_;
    expected_.clear();
    probability_.clear();
  }

  // images/00.png .. 05.png, images/more/06.png ..
  static std::filesystem::path image(std::int64_t item) {
    const auto name = fmt::format("{:02}.png", item);
    return item < 6 ? *folder_ / "images" / name : *folder_ / "images" / "more" / name;
  }

  // Runs `mnist infer --model model.pt arguments...` in the folder.
  static test::SubprocessResult infer(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"infer", "--device", "cpu", "--threads", "1", "--model", "model.pt"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    auto process = test::program(MNIST_BINARY, all);
    process.folder = folder_->path();
    return test::run(process);
  }

  static inline test::TemporaryFolder* folder_ = nullptr;
  static inline std::vector<std::string> expected_;  // class name of each test item
  static inline std::vector<double> probability_;
};

}  // namespace mnist
