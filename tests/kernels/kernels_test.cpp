#include "mnist/kernels/kernels.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mnist/core/philox.hpp"

#include "support/accuracy.hpp"

namespace mnist {
namespace {

std::vector<float> random_values(std::size_t count, double size, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> result(count);
  std::ranges::generate(result, [&] { return static_cast<float>(size * (generator() / 2147483648.0 - 1)); });
  return result;
}

using test::is_accurate;
using test::kWinograd;
using test::rounding_error;

class EveryKernels : public testing::TestWithParam<const Kernels*> {};

INSTANTIATE_TEST_SUITE_P(Usable, EveryKernels, testing::ValuesIn(usable_kernels()),
                         [](const auto& instance) { return std::string(instance.param->name); });

TEST(Kernels, TheBaselineIsAlwaysThereAndLast) {
  EXPECT_STREQ(usable_kernels().back()->name, "baseline");
}

// ---- the convolutions, held to the plain sums in double beside those in float

struct ConvPoolCase {
  std::vector<float> image = random_values(conv_pool::kImage, 1, 7);
  std::vector<float> weight1 = random_values(std::size_t{32} * 9, 0.3, 2);
  std::vector<float> bias1 = random_values(32, 0.3, 3);
  std::vector<float> weight2 = random_values(std::size_t{64} * 32 * 9, 0.06, 4);
  std::vector<float> bias2 = random_values(64, 0.06, 5);
  std::vector<float> gradient = random_values(conv_pool::kPooled, 1, 6);
  std::vector<std::uint8_t> kept = std::vector<std::uint8_t>(conv_pool::kPooled);
  float scale = 1.5F;

  ConvPoolCase() {
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = i % 3 == 0 ? 0 : 1;
  }
  conv_pool::Parameters<const float> parameters() const {
    return {weight1.data(), bias1.data(), weight2.data(), bias2.data()};
  }
};

std::size_t at(std::size_t channel, std::size_t row, std::size_t column, std::size_t side) {
  return (channel * side + row) * side + column;
}

template <class T>
struct PlainForward {
  std::vector<T> maps1 = std::vector<T>(32 * 26 * 26);
  std::vector<T> maps2 = std::vector<T>(64 * 24 * 24);  // before ReLU
  std::vector<T> pooled = std::vector<T>(std::size_t{64} * 12 * 12);
  std::vector<std::size_t> winner = std::vector<std::size_t>(std::size_t{64} * 12 * 12);  // index in maps2
  T nearest = 1;  // of all values before ReLU to zero that count, and of a window's largest to its others

  explicit PlainForward(const ConvPoolCase& given) {
    for (std::size_t o = 0; o < 32; ++o) {
      for (std::size_t y = 0; y < 26; ++y) {
        for (std::size_t x = 0; x < 26; ++x) {
          T sum = given.bias1[o];
          for (std::size_t t = 0; t < 9; ++t) {
            sum += T{given.image[(y + t / 3) * 28 + x + t % 3]} * given.weight1[o * 9 + t];
          }
          maps1[at(o, y, x, 26)] = std::max(sum, T{0});
          nearest = std::min(nearest, std::abs(sum));
        }
      }
    }
    for (std::size_t o = 0; o < 64; ++o) {
      for (std::size_t y = 0; y < 24; ++y) {
        for (std::size_t x = 0; x < 24; ++x) {
          T sum = given.bias2[o];
          for (std::size_t i = 0; i < 32; ++i) {
            for (std::size_t t = 0; t < 9; ++t) {
              sum += maps1[at(i, y + t / 3, x + t % 3, 26)] * given.weight2[(o * 32 + i) * 9 + t];
            }
          }
          maps2[at(o, y, x, 24)] = sum;
        }
      }
    }
    for (std::size_t o = 0; o < 64; ++o) {
      for (std::size_t y = 0; y < 12; ++y) {
        for (std::size_t x = 0; x < 12; ++x) {
          std::size_t best = at(o, 2 * y, 2 * x, 24);
          for (std::size_t t = 1; t < 4; ++t) {
            const std::size_t other = at(o, 2 * y + t / 2, 2 * x + t % 2, 24);
            if (maps2[other] > maps2[best]) best = other;
          }
          pooled[at(o, y, x, 12)] = std::max(maps2[best], T{0});
          winner[at(o, y, x, 12)] = best;
          nearest = std::min(nearest, std::abs(maps2[best]));
          for (std::size_t t = 0; t < 4; ++t) {
            const std::size_t other = at(o, 2 * y + t / 2, 2 * x + t % 2, 24);
            if (other != best && maps2[best] > 0) nearest = std::min(nearest, maps2[best] - maps2[other]);
          }
        }
      }
    }
  }
};

// The gradients, by the ReLUs and the windows' maxima that double has.
template <class T>
struct PlainBackward {
  std::vector<T> weight1 = std::vector<T>(32 * 9);
  std::vector<T> bias1 = std::vector<T>(32);
  std::vector<T> weight2 = std::vector<T>(64 * 32 * 9);
  std::vector<T> bias2 = std::vector<T>(64);

  PlainBackward(const ConvPoolCase& given, const PlainForward<double>& exact) {
    const PlainForward<T> forward(given);
    std::vector<T> maps1(forward.maps1.size());
    for (std::size_t i = 0; i < given.gradient.size(); ++i) {
      const std::size_t winner = exact.winner[i];
      if (given.kept[i] == 0 || exact.maps2[winner] <= 0) continue;
      const T g = T{given.gradient[i]} * given.scale;
      const std::size_t o = winner / (std::size_t{24} * 24);
      const std::size_t y = winner / 24 % 24;
      const std::size_t x = winner % 24;
      bias2[o] += g;
      for (std::size_t c = 0; c < 32; ++c) {
        for (std::size_t t = 0; t < 9; ++t) {
          const std::size_t from = at(c, y + t / 3, x + t % 3, 26);
          weight2[(o * 32 + c) * 9 + t] += g * forward.maps1[from];
          maps1[from] += g * given.weight2[(o * 32 + c) * 9 + t];
        }
      }
    }
    for (std::size_t c = 0; c < 32; ++c) {
      for (std::size_t y = 0; y < 26; ++y) {
        for (std::size_t x = 0; x < 26; ++x) {
          if (exact.maps1[at(c, y, x, 26)] == 0) continue;
          bias1[c] += maps1[at(c, y, x, 26)];
          for (std::size_t t = 0; t < 9; ++t) {
            weight1[c * 9 + t] += maps1[at(c, y, x, 26)] * given.image[(y + t / 3) * 28 + x + t % 3];
          }
        }
      }
    }
  }
};

TEST_P(EveryKernels, ConvPoolIsTheConvolutionsReluAndMaxPool) {
  const ConvPoolCase given;
  std::vector<float> packed(conv_pool::kPacked);
  std::vector<float> scratch(conv_pool::kScratch);
  std::vector<float> pooled(conv_pool::kPooled);
  GetParam()->pack_conv_pool(given.parameters(), packed.data());
  GetParam()->conv_pool_forward(packed.data(), given.image.data(), nullptr, 1, scratch.data(), pooled.data(), nullptr);
  EXPECT_TRUE(is_accurate(pooled, PlainForward<float>(given).pooled, PlainForward<double>(given).pooled,
                          {kWinograd, rounding_error(9 * 32)}));

  std::vector<float> dropped(conv_pool::kPooled);
  GetParam()->conv_pool_forward(packed.data(), given.image.data(), given.kept.data(), given.scale, scratch.data(),
                                dropped.data(), nullptr);
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    ASSERT_EQ(dropped[i], given.kept[i] == 0 ? 0 : pooled[i] * given.scale) << i;
  }
}

TEST_P(EveryKernels, ConvPoolsGradientsAreThoseOfTheSums) {
  const ConvPoolCase given;
  const PlainForward<double> forward(given);
  ASSERT_GT(forward.nearest, 3e-6) << "rounding decides which way a gradient goes: take other numbers";
  const PlainBackward<double> exact(given, forward);
  const PlainBackward<float> plain(given, forward);

  std::vector<float> packed(conv_pool::kPacked);
  std::vector<float> scratch(conv_pool::kScratch);
  std::vector<float> pooled(conv_pool::kPooled);
  std::vector<std::uint8_t> winner(conv_pool::kPooled);
  std::vector<float> sums(conv_pool::kSums);
  GetParam()->pack_conv_pool(given.parameters(), packed.data());
  // Twice the same image: the sums are added to.
  for (int image = 0; image < 2; ++image) {
    GetParam()->conv_pool_forward(packed.data(), given.image.data(), given.kept.data(), given.scale, scratch.data(),
                                  pooled.data(), winner.data());
    GetParam()->conv_pool_backward(packed.data(), given.image.data(), pooled.data(), winner.data(),
                                   given.gradient.data(), given.scale, scratch.data(), sums.data());
  }
  std::vector<float> weight1(exact.weight1.size());
  std::vector<float> bias1(32);
  std::vector<float> weight2(exact.weight2.size());
  std::vector<float> bias2(64);
  GetParam()->unpack_conv_pool(sums.data(), {weight1.data(), bias1.data(), weight2.data(), bias2.data()});
  for (auto* values : {&weight1, &bias1, &weight2, &bias2}) {
    for (float& value : *values) value /= 2;
  }
  EXPECT_TRUE(is_accurate(weight1, plain.weight1, exact.weight1, {kWinograd, rounding_error(26 * 26)}));
  EXPECT_TRUE(is_accurate(bias1, plain.bias1, exact.bias1, {kWinograd, rounding_error(26 * 26)}));
  EXPECT_TRUE(is_accurate(weight2, plain.weight2, exact.weight2, {kWinograd, rounding_error(12 * 12)}));
  EXPECT_TRUE(is_accurate(bias2, plain.bias2, exact.bias2, {kWinograd, rounding_error(12 * 12)}));
}

TEST_P(EveryKernels, ConvPoolHidesNoNan) {
  for (const int which : {0, 1}) {
    ConvPoolCase given;
    (which == 0 ? given.weight1 : given.weight2)[5] = NAN;
    std::vector<float> packed(conv_pool::kPacked);
    std::vector<float> scratch(conv_pool::kScratch);
    std::vector<float> pooled(conv_pool::kPooled);
    GetParam()->pack_conv_pool(given.parameters(), packed.data());
    GetParam()->conv_pool_forward(packed.data(), given.image.data(), nullptr, 1, scratch.data(), pooled.data(),
                                  nullptr);
    EXPECT_TRUE(std::ranges::any_of(pooled, [](float value) { return std::isnan(value); })) << "convolution " << which;
  }
}

// ---- fully connected layers

// [rows, out]
template <class T>
std::vector<T> plain_dense(const std::vector<float>& weight, const std::vector<float>& bias,
                           const std::vector<float>& inputs) {
  const std::size_t out = bias.size();
  const std::size_t in = weight.size() / out;
  std::vector<T> results;
  for (std::size_t row = 0; row < inputs.size() / in; ++row) {
    for (std::size_t column = 0; column < out; ++column) {
      T sum = bias[column];
      for (std::size_t i = 0; i < in; ++i) sum += T{weight[column * in + i]} * inputs[row * in + i];
      results.push_back(sum);
    }
  }
  return results;
}

TEST_P(EveryKernels, DenseIsTheProductPlusTheBias) {
  constexpr int kIn = 301;
  constexpr int kOut = 128;
  const std::vector<float> weight = random_values(std::size_t{kIn} * kOut, 0.1, 8);
  const std::vector<float> bias = random_values(kOut, 0.1, 9);
  std::vector<float> packed(weight.size());
  for (int begin = 0; begin < kOut; begin += dense::kColumns) {
    GetParam()->pack_dense(kIn, begin, begin + dense::kColumns, weight.data(), packed.data());
  }
  for (const std::size_t rows : {1U, 5U, 6U, 14U}) {
    const std::vector<float> inputs = random_values(rows * kIn, 1, 10);
    std::vector<float> results(rows * kOut);
    for (int begin = 0; begin < kOut; begin += dense::kColumns) {
      GetParam()->dense(kIn, kOut, packed.data(), bias.data(), begin, begin + dense::kColumns, inputs.data(),
                        static_cast<std::int64_t>(rows), results.data());
    }
    EXPECT_TRUE(is_accurate(results, plain_dense<float>(weight, bias, inputs),
                            plain_dense<double>(weight, bias, inputs), {test::kOtherOrder, rounding_error(kIn)}))
        << rows;
  }
}

// ---- dropout

TEST_P(EveryKernels, KeepsTheElementsThatPhiloxSays) {
  const PhiloxCounter counter = {0, 7, 123, 0x80000001u};
  const PhiloxKey key = {42, 0xFFFFFFFFu};
  for (const std::uint32_t threshold : {0u, 16384u, 65535u, 65536u}) {
    for (const std::size_t count : {1u, 8u, 127u, 128u, 300u, 9216u}) {
      std::vector<std::uint8_t> kept(count + 1, 9);
      GetParam()->keep_elements(counter.data(), key.data(), threshold, kept.data(), count);
      for (std::size_t i = 0; i < count; ++i) {
        const PhiloxCounter words =
            philox({static_cast<std::uint32_t>(i / 8), counter[1], counter[2], counter[3]}, key);
        const std::uint32_t number = words[i % 8 / 2] >> (16 * (i % 2)) & 0xFFFFu;
        ASSERT_EQ(kept[i], number >= threshold ? 1 : 0) << "element " << i << " of " << count;
      }
      EXPECT_EQ(kept[count], 9) << "written past the end";
    }
  }
}

// ---- optimizers, held to the same formulas in double beside float

constexpr std::size_t kCount = 67;  // whole registers of every kind, and some more
constexpr int kSteps = 20;

const test::Accuracy kFormula = {test::kOtherOrder, rounding_error(kSteps)};

template <class T>
struct State {
  std::vector<T> parameter;
  std::vector<T> first = std::vector<T>(kCount);
  std::vector<T> second = std::vector<T>(kCount);

  State() {
    const std::vector<float> values = random_values(kCount, 1, 7);
    parameter.assign(values.begin(), values.end());
  }
};

// So many steps. update(state, element, gradient, step): one element's; its gradient has no weight decay yet.
template <class T, class Update>
std::vector<T> by_formula(const Update& update) {
  State<T> state;
  for (int step = 0; step < kSteps; ++step) {
    const std::vector<float> gradient = random_values(kCount, 0.1, static_cast<unsigned>(100 + step));
    for (std::size_t i = 0; i < kCount; ++i) update(state, i, T{gradient[i]}, step);
  }
  return state.parameter;
}

// update(state, gradient, step): all elements', by a kernel.
template <class Update>
std::vector<float> by_kernel(const Update& update) {
  State<float> state;
  for (int step = 0; step < kSteps; ++step) {
    update(state, random_values(kCount, 0.1, static_cast<unsigned>(100 + step)), step);
  }
  return state.parameter;
}

TEST_P(EveryKernels, AdadeltaFollowsItsFormula) {
  const auto formula = []<class T>(State<T>& state, std::size_t i, T gradient, int /*step*/) {
    const T g = gradient + T(0.01) * state.parameter[i];
    state.first[i] = T(0.9) * state.first[i] + T(0.1) * g * g;
    const T delta = std::sqrt(state.second[i] + T(1e-6)) / std::sqrt(state.first[i] + T(1e-6)) * g;
    state.second[i] = T(0.9) * state.second[i] + T(0.1) * delta * delta;
    state.parameter[i] -= T(0.7) * delta;
  };
  const auto kernel = [&](State<float>& state, const std::vector<float>& gradient, int /*step*/) {
    GetParam()->adadelta({0.7, 0.9, 1e-6, 0.01}, kCount, state.parameter.data(), gradient.data(), state.first.data(),
                         state.second.data());
  };
  EXPECT_TRUE(is_accurate(by_kernel(kernel), by_formula<float>(formula), by_formula<double>(formula), kFormula));
}

TEST_P(EveryKernels, SgdFollowsItsFormula) {
  for (const double momentum : {0.0, 0.9}) {
    const auto formula = [&]<class T>(State<T>& state, std::size_t i, T gradient, int /*step*/) {
      state.first[i] = T(momentum) * state.first[i] + gradient + T(0.01) * state.parameter[i];
      state.parameter[i] -= T(0.1) * state.first[i];
    };
    const auto kernel = [&](State<float>& state, const std::vector<float>& gradient, int step) {
      if (step == 0) std::ranges::fill(state.first, NAN);  // the first step must not read it
      GetParam()->sgd({0.1, momentum, 0.01, step == 0}, kCount, state.parameter.data(), gradient.data(),
                      momentum == 0 ? nullptr : state.first.data());
    };
    EXPECT_TRUE(is_accurate(by_kernel(kernel), by_formula<float>(formula), by_formula<double>(formula), kFormula))
        << momentum;
  }
}

TEST_P(EveryKernels, AdamFollowsItsFormula) {
  const auto correction1 = [](int step) { return 1 - std::pow(0.9, step + 1); };
  const auto correction2 = [](int step) { return std::sqrt(1 - std::pow(0.999, step + 1)); };
  const auto formula = [&]<class T>(State<T>& state, std::size_t i, T gradient, int step) {
    const T g = gradient + T(0.01) * state.parameter[i];
    state.first[i] = T(0.9) * state.first[i] + T(0.1) * g;
    state.second[i] = T(0.999) * state.second[i] + T(0.001) * g * g;
    state.parameter[i] -=
        T(0.01 / correction1(step)) * state.first[i] / (std::sqrt(state.second[i]) / T(correction2(step)) + T(1e-8));
  };
  const auto kernel = [&](State<float>& state, const std::vector<float>& gradient, int step) {
    GetParam()->adam({0.01 / correction1(step), correction2(step), 0.9, 0.999, 1e-8, 0.01}, kCount,
                     state.parameter.data(), gradient.data(), state.first.data(), state.second.data());
  };
  EXPECT_TRUE(is_accurate(by_kernel(kernel), by_formula<float>(formula), by_formula<double>(formula), kFormula));
}

}  // namespace
}  // namespace mnist
