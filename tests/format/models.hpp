// Common parts of the tests of model files.
#pragma once

#include <filesystem>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/core/recipe.hpp"
#include "mnist/format/model_file.hpp"

#include "support/temporary_folder.hpp"

namespace mnist::test {

// Three tensors of three types, one of them a scalar.
inline NamedTensors small_state() {
  return {{"conv.weight", at::arange(18, at::kFloat).reshape({2, 1, 3, 3}) / 7},
          {"conv.bias", at::tensor({0.5, -1.5}).to(at::kHalf)},
          {"bn.num_batches_tracked", at::scalar_tensor(12, at::kLong)}};
}

inline Recipe small_recipe() {
  Recipe recipe;
  recipe.arch = "cnn";
  recipe.class_names = {"zero", "one", "\"two\""};
  recipe.preprocessing.mean = {0.1307};
  recipe.preprocessing.std = {0.3081};
  recipe.training.dataset = "mnist";
  recipe.training.epochs = 2;
  recipe.training.program = "mnist 0.1.0";
  return recipe;
}

inline void expect_same_state(const NamedTensors& actual, const NamedTensors& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(actual[i].first, expected[i].first);
    EXPECT_EQ(actual[i].second.scalar_type(), expected[i].second.scalar_type()) << expected[i].first;
    EXPECT_EQ(actual[i].second.sizes(), expected[i].second.sizes()) << expected[i].first;
    EXPECT_TRUE(at::equal(actual[i].second, expected[i].second)) << expected[i].first;
  }
}

// For files that are rewritten a thousand times: some file systems wait for the disk when a file is overwritten, but
// not when it is created.
inline void remake_file(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::remove(path);
  write_file(path, content);
}

// Message and hint of the data `Error` of reading the file; fails the test if there is none.
inline std::string refusal_of(const std::filesystem::path& path) {
  try {
    read_model_file(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return std::string(error.what()) + "; hint: " + error.hint();
  }
  ADD_FAILURE() << path << " was read";
  return "";
}

}  // namespace mnist::test
