// The arithmetic of the GPU's kernels, computed on the CPU and held to LibTorch's operators and to this program's own
// rules. What only a GPU can show (launches, graphs) is in gpu_test.cpp.
#include "elements.hpp"

#include <cmath>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/data/augment.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/model/dropout.hpp"
#include "mnist/train/optimizer.hpp"

namespace mnist {
namespace {

constexpr std::uint64_t kSeed = 0x123456789ABCDEF0;
constexpr std::int64_t kClock[2] = {3, 17};  // epoch, step

cuda::Dropped dropped(double p, std::uint32_t layer) {
  return {kClock, philox_key(kSeed), layer, static_cast<std::uint32_t>(std::lround(p * 65536)),
          static_cast<float>(1 / (1 - p))};
}

float* data(torch::Tensor& tensor) {
  return tensor.mutable_data_ptr<float>();
}

class Elements : public testing::Test {
 protected:
  Elements() { at::manual_seed(7); }
};

TEST_F(Elements, GatherIsWhatTheCpuGathers) {
  const Preprocessing preprocessing = {.mean = {0.1307, 0.5, 0.25}, .std = {0.3081, 0.2, 0.7}};
  Dataset dataset;
  dataset.images = at::randint(0, 256, {40, 3, 5, 6}, at::kByte);
  dataset.labels = at::randint(0, 10, {40}, at::kLong);
  const torch::Tensor order = at::randperm(40, at::kLong);
  constexpr std::int64_t kBatch = 12;
  const std::int64_t clock[2] = {1, 2};
  for (const std::int32_t rows : {12, 4}) {
    torch::Tensor inputs = at::full({rows, 3, 5, 6}, -100.0);
    torch::Tensor targets = at::full({rows}, -1, at::kLong);
    const cuda::Gather args = {dataset.images.const_data_ptr<std::uint8_t>(),
                               dataset.labels.const_data_ptr<std::int64_t>(),
                               order.const_data_ptr<std::int64_t>(),
                               clock,
                               data(inputs),
                               targets.mutable_data_ptr<std::int64_t>(),
                               rows,
                               kBatch,
                               3,
                               30,
                               {0.1307F, 0.5F, 0.25F},
                               {0.3081F, 0.2F, 0.7F}};
    for (std::int32_t i = 0; i < inputs.numel(); ++i) cuda::gather(args, i);
    const Batch expected = gather_batch(dataset, order.slice(0, 2 * kBatch, 2 * kBatch + rows), preprocessing);
    EXPECT_TRUE(at::equal(inputs, expected.inputs));
    EXPECT_TRUE(at::equal(targets, expected.targets));
  }
}

TEST_F(Elements, CropsOfPhotosAreTheCpus) {
  const Preprocessing preprocessing = {
      .height = 40, .width = 32, .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}};
  // Larger and smaller than the result, and one that is passed on as it is.
  const std::vector<std::vector<std::int64_t>> sizes = {{150, 97}, {23, 31}, {40, 32}, {300, 20}};
  std::vector<torch::Tensor> photos;
  std::vector<torch::Tensor> flat;
  torch::Tensor places = at::empty({4, 3}, at::kLong);
  std::int64_t begin = 0;
  for (std::int64_t i = 0; i < 4; ++i) {
    const std::vector<std::int64_t>& size = sizes[static_cast<std::size_t>(i)];
    photos.push_back(at::randint(0, 256, {3, size[0], size[1]}, at::kByte));
    flat.push_back(photos.back().flatten());
    places[i].copy_(at::tensor({begin, size[0], size[1]}, at::kLong));
    begin += photos.back().numel();
  }
  const torch::Tensor pixels = at::cat(flat);
  const torch::Tensor labels = at::tensor({5, 6, 7, 8}, at::kLong);
  const torch::Tensor order = at::tensor({3, 0, 2, 1, 2, 0, 3, 1, 3, 2}, at::kLong);
  constexpr std::int64_t kBatch = 4;
  const std::int64_t clock[2] = {1, 1};
  torch::Tensor crops = at::zeros({10, 5}, at::kLong);
  torch::Tensor expected = at::empty({kBatch, 3, 40, 32});
  for (std::int64_t row = 0; row < kBatch; ++row) {
    const torch::Tensor& photo = photos[static_cast<std::size_t>(order[kBatch + row].item<std::int64_t>())];
    Crop crop = random_resized_crop(photo.size(1), photo.size(2), 1, 1, row);
    if (photo.size(1) == 40) crop = {0, 0, 40, 32, true};
    crops[kBatch + row].copy_(at::tensor({crop.top, crop.left, crop.height, crop.width, std::int64_t{crop.flip}}));
    expected[row].copy_(normalize(apply(crop, photo, preprocessing).unsqueeze(0), preprocessing)[0]);
  }
  torch::Tensor inputs = at::full({kBatch, 40, 32, 3}, -100.0);
  torch::Tensor targets = at::full({kBatch}, -1, at::kLong);
  const cuda::CropPhotos args = {pixels.const_data_ptr<std::uint8_t>(),
                                 places.const_data_ptr<std::int64_t>(),
                                 labels.const_data_ptr<std::int64_t>(),
                                 order.const_data_ptr<std::int64_t>(),
                                 crops.const_data_ptr<std::int64_t>(),
                                 clock,
                                 data(inputs),
                                 targets.mutable_data_ptr<std::int64_t>(),
                                 kBatch,
                                 kBatch,
                                 40,
                                 32,
                                 {0.485F, 0.456F, 0.406F},
                                 {0.229F, 0.224F, 0.225F}};
  for (std::int32_t i = 0; i < inputs.numel(); ++i) cuda::crop_photo(args, i);
  const torch::Tensor difference = (inputs.permute({0, 3, 1, 2}) - expected).abs();
  constexpr double kStep = 1 / 255.0 / 0.224;  // of a colour
  EXPECT_LT(difference.max().item<double>(), 1.01 * kStep);
  EXPECT_LT(difference.gt(0).to(at::kDouble).mean().item<double>(), 0.01);
  EXPECT_TRUE(at::equal(targets, at::tensor({7, 5, 8, 6}, at::kLong)));
}

TEST_F(Elements, DropoutDropsWhatTheCpuDrops) {
  torch::Tensor x = at::randn({6, 100});
  for (const double p : {0.25, 0.5}) {
    torch::Tensor leaf = x.clone().requires_grad_();
    const torch::Tensor expected = Dropout(kSeed, kClock[0], kClock[1]).after_relu(leaf, p, 1);
    torch::Tensor gradient = at::randn_like(expected);
    expected.backward(gradient);

    torch::Tensor result = at::empty_like(x);
    torch::Tensor gradient_x = at::empty_like(x);
    for (std::int32_t i = 0; i < x.numel(); ++i) cuda::relu_dropout(dropped(p, 1), 100, i, data(x), data(result));
    for (std::int32_t i = 0; i < x.numel(); ++i) {
      cuda::relu_dropout_backward(dropped(p, 1).scale, i, data(gradient), data(result), data(gradient_x));
    }
    EXPECT_TRUE(at::equal(result, expected));
    EXPECT_TRUE(at::equal(gradient_x, leaf.grad()));
  }
}

TEST_F(Elements, ReluPoolDropoutInBothOrdersOfMemory) {
  for (const at::MemoryFormat format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    torch::Tensor x = at::randn({3, 5, 8, 6}).contiguous(format);
    x.select(0, 1).fill_(0.5);  // equal values: the first wins
    torch::Tensor leaf = x.clone(format).requires_grad_();
    const torch::Tensor expected = Dropout(kSeed, kClock[0], kClock[1]).after_relu_and_pool(leaf, 0.25, 0);
    ASSERT_EQ(expected.sizes(), at::IntArrayRef({3, 60}));
    torch::Tensor gradient = at::randn_like(expected);
    expected.backward(gradient);

    const cuda::Pooling shape = {3,
                                 5,
                                 8,
                                 6,
                                 static_cast<std::int32_t>(x.stride(0)),
                                 static_cast<std::int32_t>(x.stride(1)),
                                 static_cast<std::int32_t>(x.stride(2)),
                                 static_cast<std::int32_t>(x.stride(3))};
    torch::Tensor pooled = at::full({3, 60}, -100.0);
    torch::Tensor winner = at::full({3, 60}, 99, at::kByte);
    torch::Tensor gradient_x = at::full_like(x, -100.0);
    auto* const places = winner.mutable_data_ptr<std::uint8_t>();
    for (std::int32_t i = 0; i < 180; ++i) {
      cuda::relu_pool_dropout(shape, dropped(0.25, 0), i, data(x), data(pooled), places);
    }
    for (std::int32_t i = 0; i < 180; ++i) {
      cuda::relu_pool_dropout_backward(shape, dropped(0.25, 0).scale, i, data(gradient), places, data(gradient_x));
    }
    EXPECT_TRUE(at::equal(pooled, expected));
    EXPECT_TRUE(at::equal(gradient_x, leaf.grad()));
  }
}

TEST_F(Elements, LossIsNllOfLogSoftmax) {
  torch::Tensor logits = at::randn({9, 10}) * 5;
  const torch::Tensor targets = at::randint(0, 10, {9}, at::kLong);
  torch::Tensor leaf = logits.clone().requires_grad_();
  const torch::Tensor expected = at::nll_loss(at::log_softmax(leaf, 1), targets);
  expected.backward();

  torch::Tensor gradient = at::empty_like(logits);
  double loss = 0;
  double correct = 0;
  for (std::int32_t row = 0; row < 9; ++row) {
    const cuda::RowLoss one =
        cuda::loss_row(9, 10, row, data(logits), targets.const_data_ptr<std::int64_t>(), data(gradient));
    loss += one.loss / 9;
    correct += one.correct;
  }
  EXPECT_NEAR(loss, expected.item<double>(), 1e-6);
  EXPECT_EQ(correct, logits.argmax(1).eq(targets).sum().item<double>());
  EXPECT_TRUE(at::allclose(gradient, leaf.grad(), 1e-5, 1e-7));
}

// Ten updates of each rule, by the program's own optimizer and element by element.
struct Rule {
  OptimizerOptions options;
  CudaUpdate rule;
};

class Updates : public Elements, public testing::WithParamInterface<Rule> {};

TEST_P(Updates, AreThoseOfTheOptimizer) {
  OptimizerOptions options = GetParam().options;
  options.kernels = nullptr;
  options.weight_decay = 0.01;
  torch::Tensor expected = at::randn({50});
  torch::Tensor parameter = expected.clone();
  expected.set_requires_grad(true);
  const auto optimizer = make_optimizer(options, {expected});
  const std::vector<double> lrs = {0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
  torch::Tensor rates = make_optimizer(options, {expected})->rate_table(lrs);
  torch::Tensor state1 = at::zeros({50});
  torch::Tensor state2 = at::zeros({50});
  for (std::int64_t step = 0; step < 10; ++step) {
    torch::Tensor gradient = at::randn({50});
    expected.mutable_grad() = gradient.clone();
    optimizer->step(lrs[static_cast<std::size_t>(step)]);
    CudaUpdate rule = GetParam().rule;
    rule.weight_decay = options.weight_decay;
    const CudaUpdatePart part = {data(parameter), data(gradient),
                                 options.name == "sgd" && options.momentum == 0 ? nullptr : data(state1), data(state2),
                                 50};
    const cuda::UpdateStep now = cuda::update_step(rule, rates.const_data_ptr<double>() + step * kCudaRateColumns);
    for (std::int32_t i = 0; i < 50; ++i) cuda::update(now, part, i);
  }
  EXPECT_TRUE(at::allclose(parameter, expected.detach(), 1e-5, 1e-6));
}

INSTANTIATE_TEST_SUITE_P(
    Elements, Updates,
    testing::Values(Rule{{.name = "adadelta"}, {.rule = CudaUpdateRule::adadelta, .decay1 = 0.9, .eps = 1e-6}},
                    Rule{{.name = "sgd"}, {.rule = CudaUpdateRule::sgd}},
                    Rule{{.name = "sgd", .momentum = 0.9}, {.rule = CudaUpdateRule::sgd, .decay1 = 0.9}},
                    Rule{{.name = "adam"},
                         {.rule = CudaUpdateRule::adam, .decay1 = 0.9, .decay2 = 0.999, .eps = 1e-8}}),
    [](const auto& parameter) {
      return parameter.param.options.name + (parameter.param.options.momentum != 0 ? "_momentum" : "");
    });

}  // namespace
}  // namespace mnist
