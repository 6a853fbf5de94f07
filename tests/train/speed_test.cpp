// The number of repetitions and the statistics, as functions of given times. The tests also check that the right work
// is timed, but not how long it takes.
#include "mnist/train/speed.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/model/registry.hpp"

namespace mnist {
namespace {

constexpr TimingLimits kThrice = {.seconds = 0, .min_repetitions = 3, .max_repetitions = 3};

Timing timing_of(const std::vector<double>& times) {
  Repetitions repetitions({});
  for (const double time : times) repetitions.add(time);
  return repetitions.timing();
}

TEST(Repetitions, TheMedianCounts) {
  EXPECT_DOUBLE_EQ(timing_of({5}).seconds, 5);
  EXPECT_DOUBLE_EQ(timing_of({9, 1, 2}).seconds, 2);
  EXPECT_DOUBLE_EQ(timing_of({9, 1, 2, 4}).seconds, 3);
}

TEST(Repetitions, ATenthIsBelowAndAbove) {
  const Timing few = timing_of({3, 1, 2});
  EXPECT_DOUBLE_EQ(few.low, 1);
  EXPECT_DOUBLE_EQ(few.high, 3);
  std::vector<double> times;
  for (int i = 20; i > 0; --i) times.push_back(i);
  const Timing many = timing_of(times);
  EXPECT_DOUBLE_EQ(many.low, 3);
  EXPECT_DOUBLE_EQ(many.high, 18);
  EXPECT_EQ(many.repetitions, 20);
}

TEST(Repetitions, SeveralStepsTogetherAreOneOfTheirMeanTime) {
  Repetitions repetitions({.seconds = 1, .min_repetitions = 1});
  repetitions.add(0.5, 10);
  EXPECT_FALSE(repetitions.enough());
  repetitions.add(0.6, 10);
  EXPECT_TRUE(repetitions.enough()) << "1.1 s have passed";
  EXPECT_DOUBLE_EQ(repetitions.timing().seconds, 0.055);
  EXPECT_EQ(repetitions.timing().repetitions, 2);
}

// The number of repetitions of `seconds` each that are enough.
int needed(const TimingLimits& limits, double seconds) {
  Repetitions repetitions(limits);
  int count = 0;
  for (; !repetitions.enough(); ++count) repetitions.add(seconds);
  return count;
}

TEST(Repetitions, AreAsManyAsTheLimitsSay) {
  const TimingLimits limits = {.seconds = 2, .min_repetitions = 3, .max_seconds = 20, .max_repetitions = 100};
  EXPECT_EQ(needed(limits, 0.25), 8) << "for 2 s";
  EXPECT_EQ(needed(limits, 4), 3) << "three at least";
  EXPECT_EQ(needed(limits, 16), 2) << "but not beyond 20 s";
  EXPECT_EQ(needed(limits, 64), 1) << "one in any case";
  EXPECT_EQ(needed(limits, 0.001), 100) << "and no more than that";
  EXPECT_EQ(needed({.seconds = 64, .min_repetitions = 3, .max_seconds = 20}, 8), 8) << "who wants a minute gets it";
}

TEST(Speed, AProductIsRepeated) {
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const Timing timing = time_product(16, c10::kCPU, precision, kThrice);
    EXPECT_EQ(timing.repetitions, 3);
    EXPECT_GT(timing.seconds, 0);
  }
}

TEST(Speed, RandomImagesFitTheNetwork) {
  const Preprocessing& photo = model_info("resnet18").preprocessing;
  const Dataset images = random_images(photo, 3, 10, c10::kCPU);
  EXPECT_EQ(images.images.sizes(), (std::vector<std::int64_t>{3, 3, 224, 224}));
  EXPECT_EQ(images.images.scalar_type(), at::kByte);
  EXPECT_EQ(images.images.max().item<int>(), 255);
  EXPECT_EQ(images.size(), 3);
  EXPECT_TRUE(images.labels.ge(0).logical_and(images.labels.lt(10)).all().item<bool>());
}

// Counts the inputs of a network.
class CountedNetwork : public Network {
 public:
  explicit CountedNetwork(std::shared_ptr<Network> network) : network_(std::move(network)) {
    register_module("network", network_);
  }
  torch::Tensor features(const torch::Tensor& inputs, const Dropout& dropout) override {
    (is_training() ? training : other).push_back(inputs.size(0));
    return network_->features(inputs, dropout);
  }
  torch::Tensor head(const torch::Tensor& features) override { return network_->head(features); }

  std::vector<std::int64_t> training;  // rows of each batch
  std::vector<std::int64_t> other;

 private:
  std::shared_ptr<Network> network_;
};

TEST(Speed, TrainingTakesWholeBatchesAndChangesTheWeights) {
  const ModelInfo& info = model_info("lenet");
  CountedNetwork network(make_network(info, 10, 1));
  const torch::Tensor before = network.parameters().front().detach().clone();
  TrainingOptions options;
  options.batch_size = 4;
  options.optimizer.kind = OptimizerKind::sgd;
  options.schedule.lr = 0.1;
  const std::int64_t count = images_for_timing(4) + 3;                                     // more than whole batches
  const TimingLimits many = {.seconds = 0, .min_repetitions = 40, .max_repetitions = 40};  // more than an epoch has
  const Timing timing = time_training(network, random_images(info.preprocessing, count, 10, c10::kCPU),
                                      info.preprocessing, options, many);
  EXPECT_EQ(timing.repetitions, 40);
  // The first two steps, and the first of the second and the third epoch, are not counted.
  EXPECT_EQ(network.training, std::vector<std::int64_t>(44, 4));
  EXPECT_EQ(network.other, std::vector<std::int64_t>({1, 1})) << "each epoch is followed by the smallest test";
  EXPECT_FALSE(before.equal(network.parameters().front()));
}

TEST(Speed, InferenceAnswersTheWholeBatchAndLearnsNothing) {
  const ModelInfo& info = model_info("lenet");
  CountedNetwork network(make_network(info, 10, 1));
  const Dataset images = random_images(info.preprocessing, 5, 10, c10::kCPU);
  const Timing timing = time_inference(network, images.images, info.preprocessing, {}, kThrice);
  EXPECT_EQ(timing.repetitions, 3);
  EXPECT_EQ(network.other, std::vector<std::int64_t>(2 + 3, 5)) << "two that are not counted, and three";
  EXPECT_FALSE(network.parameters().front().grad().defined());
}

}  // namespace
}  // namespace mnist
