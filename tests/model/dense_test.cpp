// Fully connected layers with the kernels of each instruction set, compared with float64 and LibTorch's operator.
#include "dense.hpp"

#include <string>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "support/tensor_accuracy.hpp"

namespace mnist {
namespace {

using test::is_accurate;
using test::rounding_error;

class EveryDense : public testing::TestWithParam<const Kernels*> {
 protected:
  c10::AutoGradMode no_grad_{false};
};

INSTANTIATE_TEST_SUITE_P(Usable, EveryDense, testing::ValuesIn(usable_kernels()),
                         [](const auto& instance) { return std::string(instance.param->name); });

// A layer that is not trained.
Dense layer(std::int64_t in, std::int64_t out) {
  torch::manual_seed(3);
  Dense dense(in, out);
  for (torch::Tensor& parameter : dense.parameters()) parameter.requires_grad_(false);
  return dense;
}

TEST_P(EveryDense, GiveTheProduct) {
  for (const std::int64_t in : {1, 127, 128, 131, 9216}) {
    for (const std::int64_t out : {64, 192}) {
      Dense dense = layer(in, out);
      for (const std::int64_t rows : {1, 2, 3, 4, 5, 6, 7, 24, 61}) {
        const torch::Tensor inputs = at::randn({rows, in});
        const torch::Tensor exact =
            at::linear(inputs.to(at::kDouble), dense.weight.to(at::kDouble), dense.bias.to(at::kDouble));
        EXPECT_TRUE(is_accurate(dense.apply(inputs, GetParam()), dense.forward(inputs), exact,
                                {test::kOtherOrder, rounding_error(static_cast<double>(in))}))
            << rows << " x " << in << " x " << out;
      }
    }
  }
  EXPECT_EQ(layer(9, 64).apply(at::empty({0, 9}), GetParam()).sizes(), at::IntArrayRef({0, 64}));
}

TEST_P(EveryDense, GiveAnItemTheSameBytesInAnyBatchAndOnAnyNumberOfThreads) {
  Dense dense = layer(300, 128);
  const torch::Tensor inputs = at::randn({50, 300});
  const torch::Tensor together = dense.apply(inputs, GetParam());
  for (std::int64_t row = 0; row < inputs.size(0); ++row) {
    ASSERT_TRUE(at::equal(dense.apply(inputs.narrow(0, row, 1), GetParam()), together.narrow(0, row, 1))) << row;
  }
  const int threads = at::get_num_threads();
  for (const int count : {1, 3, 16}) {
    at::set_num_threads(count);
    EXPECT_TRUE(at::equal(dense.apply(inputs, GetParam()), together)) << count;
  }
  at::set_num_threads(threads);
}

TEST_P(EveryDense, SeeThatTheWeightsHaveChanged) {
  Dense dense = layer(40, 64);
  const torch::Tensor inputs = at::randn({3, 40});
  const torch::Tensor before = dense.apply(inputs, GetParam());
  dense.weight.mul_(2);
  dense.bias.mul_(2);
  EXPECT_TRUE(at::allclose(dense.apply(inputs, GetParam()), 2 * before));
}

// The kernels and LibTorch add 9,216 products in different orders, so their results differ in some bits.
TEST_P(EveryDense, LeaveTheRestToLibTorch) {
  const Kernels* const kernels = GetParam();
  const c10::AutoGradMode grad(true);
  const torch::Tensor inputs = at::randn({2, 9216});
  Dense dense(9216, 64);
  EXPECT_TRUE(dense.apply(inputs, kernels).requires_grad());
  const auto is_libtorchs = [&](Dense& given, const torch::Tensor& x, const Kernels* by) {
    return at::equal(given.apply(x, by), given.forward(x));
  };
  const c10::AutoGradMode no_grad(false);
  EXPECT_TRUE(is_libtorchs(dense, inputs, kernels)) << "weights that are trained";
  for (torch::Tensor& parameter : dense.parameters()) parameter.requires_grad_(false);
  EXPECT_FALSE(is_libtorchs(dense, inputs, kernels));
  EXPECT_TRUE(is_libtorchs(dense, inputs, nullptr));
  Dense ten = layer(9216, 10);
  EXPECT_TRUE(is_libtorchs(ten, inputs, kernels)) << "no multiple of 64";
  dense.to(at::kDouble);
  EXPECT_EQ(dense.apply(inputs.to(at::kDouble), kernels).scalar_type(), at::kDouble);
}

}  // namespace
}  // namespace mnist
