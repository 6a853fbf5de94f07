// PyTorch's results: tests/fixtures/reference_numbers.json, written by scripts/reference_numbers.py.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/temporary_folder.hpp"

namespace mnist::test {

inline const nlohmann::json& reference_numbers() {
  static const nlohmann::json numbers = nlohmann::json::parse(content_of(fixture("reference_numbers.json")));
  return numbers;
}

// Compares a tensor with its sample in the fixture: some elements, each within `tolerance`, and two sums, each within
// `sum_tolerance` of the sum of absolute values.
inline void expect_sample(const at::Tensor& tensor, const nlohmann::json& sample, double tolerance,
                          double sum_tolerance, const std::string& what) {
  const at::Tensor flat = tensor.detach().to(at::kDouble).flatten();
  const std::int64_t indices[] = {0, flat.numel() / 2, flat.numel() - 1};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(flat[indices[i]].item<double>(), sample["elements"][i].get<double>(), tolerance) << what << " " << i;
  }
  const auto scale = sample["abs_sum"].get<double>();
  EXPECT_NEAR(flat.sum().item<double>(), sample["sum"].get<double>(), sum_tolerance * scale + 1e-9) << what;
  EXPECT_NEAR(flat.abs().sum().item<double>(), scale, sum_tolerance * scale + 1e-9) << what;
}

inline void expect_sample(const at::Tensor& tensor, const nlohmann::json& sample, double tolerance,
                          const std::string& what) {
  expect_sample(tensor, sample, tolerance, tolerance, what);
}

}  // namespace mnist::test
