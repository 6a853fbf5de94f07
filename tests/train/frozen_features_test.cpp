// Training only the head: the same numbers as with the whole network, with fewer computations.
#include "mnist/train/frozen_features.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/model/registry.hpp"
#include "mnist/train/loop.hpp"

#include "support/hashed.hpp"
#include "support/tensor_accuracy.hpp"

namespace mnist {
namespace {

// Counts how often each item is requested.
class CountingBatches : public Batches {
 public:
  explicit CountingBatches(std::int64_t size) : pixels_(test::hashed_pixels({size, 3, 32, 32}, 5)) {}

  std::int64_t size() const override { return pixels_.size(0); }
  void start(const torch::Tensor& order, std::int64_t /*epoch*/) override { order_ = order; }
  Batch get(std::int64_t begin, std::int64_t end) override {
    const torch::Tensor items = order_.slice(0, begin, end);
    asked += end - begin;
    return {pixels_.index_select(0, items).to(at::kFloat).div(255).sub(0.5), items.remainder(2)};
  }

  std::int64_t asked = 0;

 private:
  torch::Tensor pixels_;
  torch::Tensor order_;
};

std::shared_ptr<Network> frozen_resnet() {
  auto network = make_network(model_info("resnet18"), 2, 1);
  freeze_all_but(*network, model_info("resnet18").head_layer());
  return network;
}

TEST(FrozenFeatures, AreWhatTheNetworkMakesOfTheImages) {
  const auto network = frozen_resnet();
  network->eval();
  CountingBatches images(40);
  const torch::Tensor order = at::arange(40).flip(0);
  images.start(order, 1);
  const Batch direct = images.get(4, 8);
  const c10::AutoGradMode no_grad(false);
  network->use_kernels(nullptr);
  const torch::Tensor libtorch = network->features(direct.inputs, Dropout::off());
  network->to(at::kDouble);
  const torch::Tensor exact = network->features(direct.inputs.to(at::kDouble), Dropout::off());
  network->to(at::kFloat);
  for (const Kernels* kernels : usable_kernels()) {
    network->use_kernels(kernels);
    FrozenFeatures features(*network, images, {.constant = true});
    features.start(order, 1);
    const Batch batch = features.get(4, 8);
    EXPECT_TRUE(test::is_accurate(batch.inputs, libtorch, exact, {test::kWinograd, test::rounding_error(512)}))
        << kernels->name;
    EXPECT_TRUE(at::equal(batch.targets, direct.targets));
  }
}

TEST(FrozenFeatures, ConstantOnesAreComputedOnce) {
  const auto network = frozen_resnet();
  CountingBatches images(40);
  FrozenFeatures constant(*network, images, {.constant = true});
  torch::Tensor first;
  for (int epoch = 1; epoch <= 3; ++epoch) {
    constant.start(epoch == 2 ? at::arange(40).flip(0) : at::arange(40), epoch);
    for (std::int64_t begin = 0; begin < 40; begin += 4) constant.get(begin, begin + 4);
    const torch::Tensor item = constant.get(epoch == 2 ? 36 : 3, epoch == 2 ? 37 : 4).inputs;
    if (epoch == 1) first = item;
    EXPECT_TRUE(at::equal(item, first)) << epoch;
  }
  EXPECT_EQ(images.asked, 40);

  images.asked = 0;
  FrozenFeatures changing(*network, images, {.constant = false});
  for (int epoch = 1; epoch <= 3; ++epoch) {
    changing.start(at::arange(40), epoch);
    for (std::int64_t begin = 0; begin < 40; begin += 4) changing.get(begin, begin + 4);
  }
  EXPECT_EQ(images.asked, 120);
}

TEST(FrozenFeatures, TrainingMovesTheHeadAlone) {
  const auto network = frozen_resnet();
  StateDict before = state_dict(*network);
  for (auto& [name, tensor] : before) tensor = tensor.detach().clone();
  CountingBatches images(40);
  FrozenFeatures train_set(*network, images, {.constant = true});
  FrozenFeatures test_set(*network, images, {.constant = true});
  TrainingOptions options;
  options.epochs = 2;
  options.batch_size = 4;
  options.optimizer = {OptimizerKind::sgd, 0.9, 0};
  options.schedule = {0.01, 1, 0};
  options.inputs = Inputs::features;
  const TrainingResult result = train(*network, train_set, test_set, options, {}, [] { return false; });
  EXPECT_EQ(result.test.total, 40);
  const StateDict after = state_dict(*network);
  for (std::size_t i = 0; i < after.size(); ++i) {
    const bool is_head = after[i].first.starts_with("fc.");
    // BatchNorm's statistics included.
    EXPECT_NE(at::equal(after[i].second, before[i].second), is_head) << after[i].first;
  }
}

}  // namespace
}  // namespace mnist
