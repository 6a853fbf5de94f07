#include "mnist/kernels/kernels.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mnist/core/philox.hpp"

namespace mnist {
namespace {

std::vector<float> random_values(std::size_t count, double size, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> values(-size, size);
  std::vector<float> result(count);
  std::ranges::generate(result, [&] { return static_cast<float>(values(generator)); });
  return result;
}

// |a - b| / |b|.
template <class A, class B>
double relative_difference(const A& a, const B& b) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(difference / size);
}

class EveryKernels : public testing::TestWithParam<const Kernels*> {};

INSTANTIATE_TEST_SUITE_P(Usable, EveryKernels, testing::ValuesIn(usable_kernels()),
                         [](const auto& instance) { return std::string(instance.param->name); });

TEST(Kernels, TheBaselineIsAlwaysThereAndLast) {
  EXPECT_STREQ(usable_kernels().back()->name, "baseline");
}

// ---- the convolutions, beside the plain sums in double

struct ConvPoolCase {
  std::vector<float> image = random_values(conv_pool::kImage, 1, 1);
  std::vector<float> weight1 = random_values(32 * 9, 0.3, 2);
  std::vector<float> bias1 = random_values(32, 0.3, 3);
  std::vector<float> weight2 = random_values(64 * 32 * 9, 0.06, 4);
  std::vector<float> bias2 = random_values(64, 0.06, 5);
  conv_pool::Parameters<const float> parameters() const {
    return {weight1.data(), bias1.data(), weight2.data(), bias2.data()};
  }
};

std::size_t at(std::size_t channel, std::size_t row, std::size_t column, std::size_t side) {
  return (channel * side + row) * side + column;
}

struct Expected {
  std::vector<double> maps1 = std::vector<double>(32 * 26 * 26);
  std::vector<double> maps2 = std::vector<double>(64 * 24 * 24);
  std::vector<double> pooled = std::vector<double>(64 * 12 * 12);
  std::vector<std::size_t> winner = std::vector<std::size_t>(64 * 12 * 12);  // index in maps2

  explicit Expected(const ConvPoolCase& given) {
    for (std::size_t o = 0; o < 32; ++o) {
      for (std::size_t y = 0; y < 26; ++y) {
        for (std::size_t x = 0; x < 26; ++x) {
          double sum = given.bias1[o];
          for (std::size_t t = 0; t < 9; ++t) {
            sum += double{given.image[(y + t / 3) * 28 + x + t % 3]} * given.weight1[o * 9 + t];
          }
          maps1[at(o, y, x, 26)] = std::max(sum, 0.0);
        }
      }
    }
    for (std::size_t o = 0; o < 64; ++o) {
      for (std::size_t y = 0; y < 24; ++y) {
        for (std::size_t x = 0; x < 24; ++x) {
          double sum = given.bias2[o];
          for (std::size_t i = 0; i < 32; ++i) {
            for (std::size_t t = 0; t < 9; ++t) {
              sum += maps1[at(i, y + t / 3, x + t % 3, 26)] * given.weight2[(o * 32 + i) * 9 + t];
            }
          }
          maps2[at(o, y, x, 24)] = std::max(sum, 0.0);
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
          pooled[at(o, y, x, 12)] = maps2[best];
          winner[at(o, y, x, 12)] = best;
        }
      }
    }
  }
};

TEST_P(EveryKernels, ConvPoolIsTheConvolutionsReluAndMaxPool) {
  const ConvPoolCase given;
  const Expected expected(given);
  std::vector<float> packed(conv_pool::kPacked);
  std::vector<float> scratch(conv_pool::kScratch);
  std::vector<float> pooled(conv_pool::kPooled);
  GetParam()->pack_conv_pool(given.parameters(), packed.data());
  GetParam()->conv_pool_forward(packed.data(), given.image.data(), nullptr, 1, scratch.data(), pooled.data(), nullptr);
  EXPECT_LT(relative_difference(pooled, expected.pooled), 1e-6);

  std::vector<std::uint8_t> kept(conv_pool::kPooled);
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = i % 3 == 0 ? 0 : 1;
  std::vector<float> dropped(conv_pool::kPooled);
  GetParam()->conv_pool_forward(packed.data(), given.image.data(), kept.data(), 1.5F, scratch.data(), dropped.data(),
                                nullptr);
  for (std::size_t i = 0; i < kept.size(); ++i) ASSERT_EQ(dropped[i], kept[i] == 0 ? 0 : pooled[i] * 1.5F) << i;
}

TEST_P(EveryKernels, ConvPoolsGradientsAreThoseOfTheSums) {
  const ConvPoolCase given;
  const Expected expected(given);
  const std::vector<float> gradient = random_values(conv_pool::kPooled, 1, 6);
  std::vector<std::uint8_t> kept(conv_pool::kPooled);
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = i % 3 == 0 ? 0 : 1;
  constexpr float kScale = 1.5F;

  std::vector<double> weight1(given.weight1.size());
  std::vector<double> bias1(32);
  std::vector<double> weight2(given.weight2.size());
  std::vector<double> bias2(64);
  std::vector<double> maps1(expected.maps1.size());
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const std::size_t winner = expected.winner[i];
    if (kept[i] == 0 || expected.maps2[winner] == 0) continue;
    const double g = double{gradient[i]} * kScale;
    const std::size_t o = winner / (24 * 24);
    const std::size_t y = winner / 24 % 24;
    const std::size_t x = winner % 24;
    bias2[o] += g;
    for (std::size_t c = 0; c < 32; ++c) {
      for (std::size_t t = 0; t < 9; ++t) {
        const std::size_t from = at(c, y + t / 3, x + t % 3, 26);
        weight2[(o * 32 + c) * 9 + t] += g * expected.maps1[from];
        maps1[from] += g * given.weight2[(o * 32 + c) * 9 + t];
      }
    }
  }
  for (std::size_t c = 0; c < 32; ++c) {
    for (std::size_t y = 0; y < 26; ++y) {
      for (std::size_t x = 0; x < 26; ++x) {
        if (expected.maps1[at(c, y, x, 26)] == 0) continue;
        bias1[c] += maps1[at(c, y, x, 26)];
        for (std::size_t t = 0; t < 9; ++t) {
          weight1[c * 9 + t] += maps1[at(c, y, x, 26)] * given.image[(y + t / 3) * 28 + x + t % 3];
        }
      }
    }
  }

  std::vector<float> packed(conv_pool::kPacked);
  std::vector<float> scratch(conv_pool::kScratch);
  std::vector<float> pooled(conv_pool::kPooled);
  std::vector<std::uint8_t> winner(conv_pool::kPooled);
  std::vector<float> sums(conv_pool::kSums);
  GetParam()->pack_conv_pool(given.parameters(), packed.data());
  // Twice the same image: the sums are added to.
  for (int image = 0; image < 2; ++image) {
    GetParam()->conv_pool_forward(packed.data(), given.image.data(), kept.data(), kScale, scratch.data(), pooled.data(),
                                  winner.data());
    GetParam()->conv_pool_backward(packed.data(), given.image.data(), pooled.data(), winner.data(), gradient.data(),
                                   kScale, scratch.data(), sums.data());
  }
  std::vector<float> got1(weight1.size());
  std::vector<float> got_bias1(32);
  std::vector<float> got2(weight2.size());
  std::vector<float> got_bias2(64);
  GetParam()->unpack_conv_pool(sums.data(), {got1.data(), got_bias1.data(), got2.data(), got_bias2.data()});
  for (auto* values : {&weight1, &bias1, &weight2, &bias2}) {
    for (double& value : *values) value *= 2;
  }
  EXPECT_LT(relative_difference(got1, weight1), 5e-6);
  EXPECT_LT(relative_difference(got_bias1, bias1), 5e-6);
  EXPECT_LT(relative_difference(got2, weight2), 2e-6);
  EXPECT_LT(relative_difference(got_bias2, bias2), 2e-6);
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

// ---- optimizers, beside the same formulas in double

constexpr std::size_t kCount = 67;  // whole registers of every kind, and some more
constexpr int kSteps = 20;

struct Trajectory {
  std::vector<float> parameter = random_values(kCount, 1, 7);
  std::vector<float> first = std::vector<float>(kCount);
  std::vector<float> second = std::vector<float>(kCount);
  std::vector<double> expected{parameter.begin(), parameter.end()};
  std::vector<double> expected_first = std::vector<double>(kCount);
  std::vector<double> expected_second = std::vector<double>(kCount);
  std::vector<float> gradient;

  void next(int step) { gradient = random_values(kCount, 0.1, static_cast<unsigned>(100 + step)); }
};

TEST_P(EveryKernels, AdadeltaFollowsItsFormula) {
  Trajectory t;
  for (int step = 0; step < kSteps; ++step) {
    t.next(step);
    GetParam()->adadelta({0.7, 0.9, 1e-6, 0.01}, kCount, t.parameter.data(), t.gradient.data(), t.first.data(),
                         t.second.data());
    for (std::size_t i = 0; i < kCount; ++i) {
      const double g = t.gradient[i] + 0.01 * t.expected[i];
      t.expected_first[i] = 0.9 * t.expected_first[i] + 0.1 * g * g;
      const double delta = std::sqrt(t.expected_second[i] + 1e-6) / std::sqrt(t.expected_first[i] + 1e-6) * g;
      t.expected_second[i] = 0.9 * t.expected_second[i] + 0.1 * delta * delta;
      t.expected[i] -= 0.7 * delta;
    }
  }
  EXPECT_LT(relative_difference(t.parameter, t.expected), 1e-6);
}

TEST_P(EveryKernels, SgdFollowsItsFormula) {
  for (const double momentum : {0.0, 0.9}) {
    Trajectory t;
    std::ranges::fill(t.first, NAN);  // nobody may read it in the first step
    for (int step = 0; step < kSteps; ++step) {
      t.next(step);
      GetParam()->sgd({0.1, momentum, 0.01, step == 0}, kCount, t.parameter.data(), t.gradient.data(),
                      momentum == 0 ? nullptr : t.first.data());
      for (std::size_t i = 0; i < kCount; ++i) {
        t.expected_first[i] = momentum * t.expected_first[i] + t.gradient[i] + 0.01 * t.expected[i];
        t.expected[i] -= 0.1 * t.expected_first[i];
      }
    }
    EXPECT_LT(relative_difference(t.parameter, t.expected), 1e-6) << momentum;
  }
}

TEST_P(EveryKernels, AdamFollowsItsFormula) {
  Trajectory t;
  for (int step = 0; step < kSteps; ++step) {
    t.next(step);
    const double correction1 = 1 - std::pow(0.9, step + 1);
    const double correction2 = std::sqrt(1 - std::pow(0.999, step + 1));
    GetParam()->adam({0.01 / correction1, correction2, 0.9, 0.999, 1e-8, 0.01}, kCount, t.parameter.data(),
                     t.gradient.data(), t.first.data(), t.second.data());
    for (std::size_t i = 0; i < kCount; ++i) {
      const double g = t.gradient[i] + 0.01 * t.expected[i];
      t.expected_first[i] = 0.9 * t.expected_first[i] + 0.1 * g;
      t.expected_second[i] = 0.999 * t.expected_second[i] + 0.001 * g * g;
      t.expected[i] -=
          0.01 / correction1 * t.expected_first[i] / (std::sqrt(t.expected_second[i]) / correction2 + 1e-8);
    }
  }
  EXPECT_LT(relative_difference(t.parameter, t.expected), 1e-6);
}

}  // namespace
}  // namespace mnist
