// Compares the plug-in's results with LibTorch's operators, with float64 and with the program without plug-in: its
// arithmetic on the CPU (Host), which runs anywhere, and the plug-in itself on a GPU (Gpu), which is skipped with the
// reason if there is none.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/data/augment.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/data/batches.hpp"
#include "mnist/data/photos.hpp"
#include "mnist/device/cuda_library.hpp"
#include "mnist/device/cuda_plugin.hpp"
#include "mnist/model/dropout.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/train/frozen_features.hpp"
#include "mnist/train/loop.hpp"
#include "mnist/train/optimizer.hpp"

#include "host_plugin.hpp"
#include "support/tensor_accuracy.hpp"

namespace mnist {
namespace {

using test::is_accurate;
using test::kOtherOrder;
using test::rounding_error;

// LibTorch looks for CUDA once, at the first tensor work of any test.
class LoadsCuda : public testing::Environment {
 public:
  void SetUp() override { load_cuda(); }
};
const testing::Environment* const kLoadsCuda = testing::AddGlobalTestEnvironment(new LoadsCuda);

// A plug-in and its device.
class OnDevice {
 protected:
  void use(c10::DeviceType type) {
    at::manual_seed(11);
    at::globalContext().setDeterministicCuDNN(true);
    if (type == c10::kCPU) return;
    if (const CudaStatus cuda = load_cuda(); !cuda.usable) GTEST_SKIP() << "no GPU: " << cuda.reason;
    std::string why;
    device_ = c10::Device(c10::kCUDA, 0);
    plugin_ = cuda_plugin(device_, why);
    if (plugin_ == nullptr) GTEST_SKIP() << "no GPU: " << why;
  }

  const c10::Device& device() const { return device_; }
  const CudaPlugin& plugin() const { return *plugin_; }
  bool on_gpu() const { return device_.is_cuda(); }

  // Number of replayed steps. On a GPU a run reports it if it cannot record.
  void expect_replays(int count) const {
    if (!on_gpu()) {
      EXPECT_EQ(host_.replays(), count);
    }
  }

  // Number of photos in batches that the plug-in made.
  void expect_photos(std::int64_t count) const {
    if (!on_gpu()) {
      EXPECT_EQ(host_.photos(), count);
    }
  }

  torch::Tensor clock_of(std::int64_t epoch, std::int64_t step) const {
    return at::tensor({epoch, step}, at::kLong).to(device_);
  }

 private:
  HostPlugin host_;
  c10::Device device_ = c10::kCPU;
  const CudaPlugin* plugin_ = &host_;
};

class Plugin : public testing::TestWithParam<c10::DeviceType>, protected OnDevice {
 protected:
  void SetUp() override { use(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(Host, Plugin, testing::Values(c10::kCPU));
INSTANTIATE_TEST_SUITE_P(Gpu, Plugin, testing::Values(c10::kCUDA));

TEST_P(Plugin, GatherIsWhatTheCpuGathers) {
  const Preprocessing preprocessing = {.mean = {0.1307, 0.5, 0.25}, .std = {0.3081, 0.2, 0.7}};
  Dataset dataset;
  dataset.images = at::randint(0, 256, {300, 3, 27, 28}, at::kByte);
  dataset.labels = at::randint(0, 10, {300}, at::kLong);
  const torch::Tensor order = at::randperm(300, at::kLong);
  for (const std::int64_t rows : {64, 5}) {
    const Batch expected = gather_batch(dataset, order.slice(0, 128, 128 + rows), preprocessing);
    torch::Tensor inputs = at::full({rows, 3, 27, 28}, -100.0, device());
    torch::Tensor targets = at::full({rows}, -1, at::TensorOptions(device()).dtype(at::kLong));
    plugin().gather(dataset.images.to(device()), dataset.labels.to(device()), order.to(device()), clock_of(1, 2), 64,
                    preprocessing.mean, preprocessing.std, inputs, targets);
    EXPECT_TRUE(at::equal(inputs.cpu(), expected.inputs));
    EXPECT_TRUE(at::equal(targets.cpu(), expected.targets));
  }
}

const std::vector<double> kPhotoMean = {0.485, 0.456, 0.406};
const std::vector<double> kPhotoStd = {0.229, 0.224, 0.225};

// A mean between two of the 255 colour values may be rounded to either.
void expect_same_colours(const torch::Tensor& inputs, const torch::Tensor& expected) {
  const torch::Tensor std = at::tensor(kPhotoStd, at::kDouble).view({1, 3, 1, 1});
  const torch::Tensor steps = ((inputs.cpu() - expected) * std * 255).abs();
  EXPECT_TRUE(at::allclose(steps, steps.round(), 0, 0.01)) << "not a whole number of steps";
  EXPECT_LE(steps.round().max().item<double>(), 1);
  EXPECT_LT(steps.gt(0.5).to(at::kDouble).mean().item<double>(), 0.01);
}

// A crop of a photo, scaled without rounding between the two directions or after them, in float64.
torch::Tensor exact_crop(const Crop& crop, const torch::Tensor& photo, const Preprocessing& preprocessing) {
  const torch::Tensor cut = photo.narrow(1, crop.top, crop.height).narrow(2, crop.left, crop.width).to(at::kDouble);
  const torch::Tensor scaled = at::_upsample_bilinear2d_aa(
      cut.unsqueeze(0), {preprocessing.height, preprocessing.width}, /*align_corners=*/false);
  const auto of_channels = [](const std::vector<double>& values) {
    return at::tensor(values, at::kDouble).view({1, 3, 1, 1});
  };
  const torch::Tensor result = (scaled / 255 - of_channels(preprocessing.mean)) / of_channels(preprocessing.std);
  return (crop.flip ? result.flip(3) : result)[0];
}

TEST_P(Plugin, CropsOfPhotosAreTheCpus) {
  const Preprocessing preprocessing = {.height = 40, .width = 32, .mean = kPhotoMean, .std = kPhotoStd};
  // Crops that are larger and smaller than the result, and one of the same size.
  const std::vector<std::vector<std::int64_t>> sizes = {{150, 97}, {23, 31}, {40, 32}, {300, 20}};
  std::vector<torch::Tensor> photos;
  std::vector<torch::Tensor> flat;
  torch::Tensor places = at::empty({4, kCudaPlaceColumns}, at::kLong);
  std::int64_t begin = 0;
  for (std::int64_t i = 0; i < 4; ++i) {
    const std::vector<std::int64_t>& size = sizes[static_cast<std::size_t>(i)];
    photos.push_back(at::randint(0, 256, {3, size[0], size[1]}, at::kByte));
    flat.push_back(photos.back().flatten());
    places[i].copy_(at::tensor({begin, size[0], size[1]}, at::kLong));
    begin += photos.back().numel();
  }
  const torch::Tensor order = at::tensor({3, 0, 2, 1, 2, 0, 3, 1, 3, 2}, at::kLong);
  constexpr std::int64_t kBatch = 4;
  torch::Tensor crops = at::zeros({10, kCudaCropColumns}, at::kLong);
  torch::Tensor expected = at::empty({kBatch, 3, 40, 32});
  torch::Tensor exact = at::empty({kBatch, 3, 40, 32}, at::kDouble);
  for (std::int64_t row = 0; row < kBatch; ++row) {
    const torch::Tensor& photo = photos[static_cast<std::size_t>(order[kBatch + row].item<std::int64_t>())];
    Crop crop = random_resized_crop(photo.size(1), photo.size(2), 1, 1, row);
    if (photo.size(1) == 40) crop = {0, 0, 40, 32, true};
    crops[kBatch + row].copy_(at::tensor({crop.top, crop.left, crop.height, crop.width, std::int64_t{crop.flip}}));
    expected[row].copy_(normalize(apply(crop, photo, preprocessing).unsqueeze(0), preprocessing)[0]);
    exact[row].copy_(exact_crop(crop, photo, preprocessing));
  }
  const CudaPhotos all = {at::cat(flat).to(device()), places.to(device()),
                          at::tensor({5, 6, 7, 8}, at::kLong).to(device()), order.to(device()), crops.to(device())};
  torch::Tensor inputs = at::full({kBatch, 3, 40, 32}, -100.0, device()).contiguous(at::MemoryFormat::ChannelsLast);
  torch::Tensor targets = at::full({kBatch}, -1, at::TensorOptions(device()).dtype(at::kLong));
  plugin().crop(all, clock_of(1, 1), kBatch, preprocessing.mean, preprocessing.std, inputs, targets);
  expect_same_colours(inputs, expected);
  // Both round twice to one of 255 values, so their errors are similar.
  EXPECT_TRUE(is_accurate(inputs, expected, exact, {2, 0, 0.02}));
  EXPECT_TRUE(at::equal(targets.cpu(), at::tensor({7, 5, 8, 6}, at::kLong)));
}

PhotoFolder photo_folder() {
  PhotoFolder folder;
  folder.class_names = {"a", "b"};
  for (const char* name : {"jpeg_420.jpg", "rgb_8.png", "jpeg_444.jpg", "jpeg_exif_6.jpg", "jpeg_exif_1.jpg"}) {
    folder.paths.push_back(std::filesystem::path(MNIST_FIXTURES) / "images" / name);
    folder.labels.push_back(static_cast<std::int64_t>(folder.labels.size()) % 2);
  }
  return folder;
}

TEST_P(Plugin, BatchesOfPhotosAreThoseThatTheCpuMakes) {
  const Preprocessing preprocessing = {.kind = Preprocessing::Kind::photo,
                                       .channels = 3,
                                       .height = 40,
                                       .width = 32,
                                       .resize = 48,
                                       .mean = kPhotoMean,
                                       .std = kPhotoStd};
  const PhotoFolder folder = photo_folder();
  Batch batch;
  for (const bool augment : {true, false}) {
    PhotoBatches on_cpu(folder, preprocessing, {augment, 3, 1 << 30, c10::kCPU});
    PhotoBatches on_device(folder, preprocessing, {augment, 3, 1 << 30, device()});
    PhotoBatches by_plugin(folder, preprocessing, {augment, 3, 1 << 30, device(), &plugin()});
    for (const std::int64_t epoch : {1, 2}) {
      const torch::Tensor order = at::randperm(5, at::kLong);
      on_cpu.start(order, epoch);
      on_device.start(order, epoch);
      by_plugin.start(order, epoch);
      const Batch expected = on_cpu.get(2, 4);
      ASSERT_TRUE(on_device.prepare(2, batch));
      on_device.gather(plugin(), clock_of(epoch, 1), 2, batch);
      expect_same_colours(batch.inputs, expected.inputs);
      EXPECT_TRUE(at::equal(batch.targets.cpu(), expected.targets));
      EXPECT_LT((on_device.get(2, 4).inputs.cpu() - expected.inputs).abs().max().item<double>(), 1e-5);
      const Batch got = by_plugin.get(2, 4);
      EXPECT_TRUE(at::equal(got.inputs, batch.inputs));
      EXPECT_TRUE(at::equal(got.targets, batch.targets));
      if (!augment) {
        EXPECT_LT((batch.inputs.cpu() - expected.inputs).abs().max().item<double>(), 1e-5);
      }
    }
  }
  PhotoBatches too_many(folder, preprocessing, {true, 3, 1000, device()});
  EXPECT_FALSE(too_many.prepare(2, batch));
}

TEST_P(Plugin, DropoutWithAndWithoutReluAndPoolIsTheCpus) {
  const auto both = [&](const torch::Tensor& x, const auto& apply) {
    torch::Tensor on_cpu = x.clone().requires_grad_();
    torch::Tensor on_device = x.to(device()).clone().requires_grad_();
    const torch::Tensor expected = apply(Dropout(0x123456789ABCDEF0, 2, 9), on_cpu);
    const torch::Tensor result = apply(Dropout(0x123456789ABCDEF0, plugin(), clock_of(2, 9)), on_device);
    ASSERT_TRUE(at::equal(result.detach().cpu(), expected.detach()));
    const torch::Tensor gradient = at::randn_like(expected);
    expected.backward(gradient);
    result.backward(gradient.to(device()));
    EXPECT_TRUE(at::equal(on_device.grad().cpu(), on_cpu.grad()));
  };
  for (const double p : {0.25, 0.5}) {
    both(at::randn({64, 100}), [&](const Dropout& dropout, const torch::Tensor& x) { return dropout(x, p, 1); });
    both(at::randn({64, 100}),
         [&](const Dropout& dropout, const torch::Tensor& x) { return dropout.after_relu(x, p, 1); });
  }
  for (const at::MemoryFormat format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    torch::Tensor images = at::randn({16, 64, 24, 22}).contiguous(format);
    images.select(0, 1).fill_(0.5);  // the first of equal values is the maximum
    both(images,
         [](const Dropout& dropout, const torch::Tensor& x) { return dropout.after_relu_and_pool(x, 0.25, 0); });
  }
}

TEST_P(Plugin, ReluPoolDropoutInBf16) {
  const torch::Tensor x = at::randn({8, 4, 6, 6}).to(device(), at::kBFloat16);
  torch::Tensor winner;
  const torch::Tensor pooled = plugin().relu_pool_dropout(x, {}, winner);
  EXPECT_EQ(pooled.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::equal(pooled, at::max_pool2d(at::relu(x), 2).flatten(1)));
}

// The mean loss and its gradient with respect to the logits.
std::pair<torch::Tensor, torch::Tensor> loss_by_libtorch(const torch::Tensor& logits, const torch::Tensor& targets,
                                                         at::ScalarType type) {
  torch::Tensor leaf = logits.detach().to(type, /*non_blocking=*/false, /*copy=*/true).requires_grad_();
  const torch::Tensor loss = at::nll_loss(at::log_softmax(leaf, 1), targets);
  loss.backward();
  return {loss.detach(), leaf.grad()};
}

TEST_P(Plugin, LossAndItsGradient) {
  for (const std::int64_t rows : {1, 64, 1000}) {
    SCOPED_TRACE(rows);
    const torch::Tensor targets = at::randint(0, 10, {rows}, at::kLong).to(device());
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      SCOPED_TRACE(type);
      const torch::Tensor logits = (at::randn({rows, 10}) * 5).to(device(), type);
      const auto [exact, exact_gradient] = loss_by_libtorch(logits, targets, at::kDouble);
      // Only the logits and the gradient are bf16; the computation uses float.
      const auto [libtorch, libtorch_gradient] = loss_by_libtorch(logits, targets, at::kFloat);
      torch::Tensor losses = at::zeros({4}, device());
      torch::Tensor correct = at::zeros({4}, device());
      const torch::Tensor gradient = plugin().loss(logits, targets, clock_of(1, 3), losses, correct);
      EXPECT_EQ(gradient.scalar_type(), type);
      EXPECT_TRUE(
          is_accurate(losses[3], libtorch, exact, {kOtherOrder, rounding_error(10.0 + static_cast<double>(rows))}));
      EXPECT_TRUE(
          is_accurate(gradient, libtorch_gradient.to(type), exact_gradient, {kOtherOrder, rounding_error(10), 5e-3}));
      EXPECT_EQ(correct[3].item<double>(), logits.argmax(1).eq(targets).sum().item<double>());
      EXPECT_EQ(losses.slice(0, 0, 3).abs().sum().item<double>(), 0);
    }
  }
}

TEST_P(Plugin, ARecordedPieceOfWorkIsRepeated) {
  plugin().on_own_stream(device(), [&] {
    torch::Tensor clock = clock_of(1, 0);
    plugin().advance(clock);  // the first launch of a kernel loads it, which cannot be recorded
    clock.copy_(clock_of(1, 0));
    const auto graph = plugin().record([&] { plugin().advance(clock); });
    EXPECT_EQ(clock[1].item<std::int64_t>(), 0) << "recording carried it out";
    for (int i = 0; i < 5; ++i) graph->replay();
    EXPECT_EQ(clock[1].item<std::int64_t>(), 5);
  });
}

class Recording : public Plugin {};
INSTANTIATE_TEST_SUITE_P(Gpu, Recording, testing::Values(c10::kCUDA));

TEST_P(Recording, ThatFailsLeavesNothingBehind) {
  plugin().on_own_stream(device(), [&] {
    torch::Tensor clock = clock_of(1, 0);
    plugin().advance(clock);
    const auto allocate = [&] { return at::ones({1000}, device()).add_(clock[1]); };
    const std::vector<std::function<void()>> failures = {
        [&] { allocate().item(); },        // LibTorch rejects it without calling CUDA
        [&] { allocate().sum().item(); },  // CUDA rejects it, and the recording becomes invalid
    };
    for (int i = 0; i < 2; ++i) {
      for (const auto& failure : failures) {
        EXPECT_THROW(plugin().record(failure), c10::Error);
        EXPECT_EQ(at::ones({1000}, device()).sum().item<float>(), 1000);
      }
    }
    const auto graph = plugin().record([&] { plugin().advance(clock); });
    graph->replay();
    EXPECT_EQ(clock[1].item<std::int64_t>(), 2);
  });
}

class PluginUpdates : public testing::TestWithParam<std::tuple<c10::DeviceType, OptimizerOptions>>, protected OnDevice {
 protected:
  void SetUp() override { use(std::get<0>(GetParam())); }
};

const auto kOptimizers =
    testing::Values(OptimizerOptions{.kind = OptimizerKind::adadelta}, OptimizerOptions{.kind = OptimizerKind::sgd},
                    OptimizerOptions{.kind = OptimizerKind::sgd, .momentum = 0.9},
                    OptimizerOptions{.kind = OptimizerKind::adam}, OptimizerOptions{.kind = OptimizerKind::adamw});
const auto kOptimizerName = [](const auto& parameter) {
  const OptimizerOptions& options = std::get<1>(parameter.param);
  return optimizer_name(options.kind) + (options.momentum != 0 ? "_momentum" : "");
};
INSTANTIATE_TEST_SUITE_P(Host, PluginUpdates, testing::Combine(testing::Values(c10::kCPU), kOptimizers),
                         kOptimizerName);
INSTANTIATE_TEST_SUITE_P(Gpu, PluginUpdates, testing::Combine(testing::Values(c10::kCUDA), kOptimizers),
                         kOptimizerName);

torch::Tensor joined(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> flat;
  flat.reserve(tensors.size());
  for (const torch::Tensor& tensor : tensors) flat.push_back(tensor.detach().cpu().flatten());
  return at::cat(flat);
}

TEST_P(PluginUpdates, AreTheOptimizers) {
  OptimizerOptions options = std::get<1>(GetParam());
  options.weight_decay = 0.01;
  // More parameters than fit into a launch, one larger than a block's share, and one whose gradient has other strides.
  std::vector<torch::Tensor> expected = {at::randn({5000}), at::randn({6, 4, 3, 3})};
  while (expected.size() < 70) expected.push_back(at::randn({7}));
  std::vector<torch::Tensor> exact;
  std::vector<torch::Tensor> parameters;
  for (torch::Tensor& parameter : expected) {
    exact.push_back(parameter.to(at::kDouble).requires_grad_());
    parameters.push_back(parameter.to(device()).clone().requires_grad_());
    parameter.requires_grad_();
  }
  const auto in_double = make_optimizer(options, exact, nullptr);
  const auto by_steps = make_optimizer(options, expected, nullptr);
  const auto by_plugin = make_optimizer(options, parameters, nullptr);
  const std::vector<double> lrs = {0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
  const torch::Tensor rates = by_plugin->rate_table(lrs, /*before=*/0).to(device());
  torch::Tensor clock = clock_of(1, 0);
  for (const double lr : lrs) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const torch::Tensor gradient = at::randn_like(expected[i]);
      exact[i].mutable_grad() = gradient.to(at::kDouble);
      expected[i].mutable_grad() = gradient;
      parameters[i].mutable_grad() = gradient.dim() == 4
                                         ? gradient.to(device()).contiguous(at::MemoryFormat::ChannelsLast)
                                         : gradient.to(device());
    }
    in_double->step(lr);
    by_steps->step(lr);
    by_plugin->step(plugin(), rates, clock);
    plugin().advance(clock);
  }
  // All together, because the error of seven numbers is random.
  EXPECT_TRUE(is_accurate(joined(parameters), joined(expected), joined(exact),
                          {kOtherOrder, rounding_error(static_cast<double>(lrs.size()))}));
}

class Losses : public TrainingObserver {
 public:
  void training_done(const TrainingReport& report) override {
    steps.insert(steps.end(), report.batch_losses.begin(), report.batch_losses.end());
  }

  std::vector<float> steps;
};

// The losses of all steps; `note` receives the run's notes.
std::vector<float> losses_of(const std::string& arch, Batches& train_set, Batches& test_set, TrainingOptions options,
                             std::string& note) {
  const auto network = make_network(model_info(arch), 10, 1);
  network->use_kernels(nullptr);
  network->to(options.compute.device);
  const FrozenFeaturesOptions changing = {false, options.compute};
  FrozenFeatures train_features(*network, train_set, changing);
  FrozenFeatures test_features(*network, test_set, changing);
  const bool head_only = options.inputs == Inputs::features;
  if (head_only) freeze_all_but(*network, model_info(arch).head_layer());
  options.note = [&](const std::string& sentence) { note = sentence; };
  Losses losses;
  train(*network, head_only ? train_features : train_set, head_only ? test_features : test_set, options, {&losses},
        [] { return false; });
  return losses.steps;
}

struct Training {
  std::string arch;
  OptimizerOptions optimizer;
  Precision precision = Precision::fp32;
  double degrees = 0;  // of rotation, for which batches are made outside the step
};

constexpr std::int64_t kImages = 104;
constexpr std::int64_t kBatch = 16;
constexpr std::uint64_t kSeed = 4;

Dataset noise(const c10::Device& device) {
  at::manual_seed(3);
  Dataset dataset;
  dataset.images = at::randint(0, 256, {kImages, 1, 28, 28}, at::kByte).to(device);
  dataset.labels = at::randint(0, 10, {kImages}, at::kLong).to(device);
  return dataset;
}

double learning_rate_of(const Training& run) {
  return run.optimizer.kind == OptimizerKind::adam ? 0.001 : 0.1;
}

// Two epochs of seven batches, the last of them smaller.
std::vector<float> trained(const Training& run, const c10::Device& device, const CudaPlugin* cuda, bool graphs,
                           std::string& note) {
  const Dataset dataset = noise(device);
  ResidentBatches train_set(dataset, model_info(run.arch).preprocessing, {run.degrees, 7});
  ResidentBatches test_set(dataset, model_info(run.arch).preprocessing);
  return losses_of(run.arch, train_set, test_set,
                   {.epochs = 2,
                    .batch_size = kBatch,
                    .seed = kSeed,
                    .optimizer = run.optimizer,
                    .schedule = {.lr = learning_rate_of(run)},
                    .compute = {.device = device, .precision = run.precision, .cuda = cuda},
                    .cuda_graphs = graphs},
                   note);
}

// The same by hand in float64.
std::vector<double> trained_in_double(const Training& run) {
  const Dataset dataset = noise(c10::kCPU);
  ResidentBatches train_set(dataset, model_info(run.arch).preprocessing, {run.degrees, 7});
  const auto network = make_network(model_info(run.arch), 10, 1);
  network->to(at::kDouble);
  const auto optimizer = make_optimizer(run.optimizer, network->parameters());
  std::vector<double> losses;
  for (const std::int64_t epoch : {1, 2}) {
    train_set.start(epoch_order(kImages, kSeed, epoch), epoch);
    for (std::int64_t begin = 0; begin < kImages; begin += kBatch) {
      const Batch batch = train_set.get(begin, std::min(begin + kBatch, kImages));
      const Dropout dropout(kSeed, epoch, begin / kBatch);
      const torch::Tensor logits = network->forward(batch.inputs.to(at::kDouble), dropout);
      const torch::Tensor loss = at::nll_loss(at::log_softmax(logits, 1), batch.targets);
      optimizer->zero_grad();
      loss.backward();
      optimizer->step(learning_rate_of(run));
      losses.push_back(loss.item<double>());
    }
  }
  return losses;
}

class PluginTraining : public testing::TestWithParam<std::tuple<c10::DeviceType, Training>>, protected OnDevice {
 protected:
  void SetUp() override { use(std::get<0>(GetParam())); }
};

const auto kRuns =
    testing::Values(Training{"cnn", {.kind = OptimizerKind::adadelta}}, Training{"cnn", {.kind = OptimizerKind::adam}},
                    Training{"lenet", {.kind = OptimizerKind::sgd, .momentum = 0.5}},
                    Training{"convnet", {.kind = OptimizerKind::adam}},
                    Training{"cnn", {.kind = OptimizerKind::adadelta}, Precision::bf16},
                    Training{"lenet", {.kind = OptimizerKind::adam}, Precision::fp32, 30});
const auto kRunName = [](const auto& parameter) {
  const Training& run = std::get<1>(parameter.param);
  return run.arch + "_" + optimizer_name(run.optimizer.kind) + (run.precision == Precision::bf16 ? "_bf16" : "") +
         (run.degrees != 0 ? "_rotated" : "");
};
INSTANTIATE_TEST_SUITE_P(Host, PluginTraining, testing::Combine(testing::Values(c10::kCPU), kRuns), kRunName);
INSTANTIATE_TEST_SUITE_P(Gpu, PluginTraining, testing::Combine(testing::Values(c10::kCUDA), kRuns), kRunName);

TEST_P(PluginTraining, FollowsTheCpu) {
  const Training& run = std::get<1>(GetParam());
  std::string note;
  const std::vector<float> cpu = trained(run, c10::kCPU, nullptr, false, note);
  const std::vector<float> plain = on_gpu() ? trained(run, device(), nullptr, false, note) : cpu;
  const std::vector<float> launched = trained(run, device(), &plugin(), false, note);
  expect_replays(0);
  const std::vector<float> recorded = trained(run, device(), &plugin(), true, note);
  expect_replays(2 * 6 - 3);
  EXPECT_EQ(note, "");
  ASSERT_EQ(cpu.size(), 14U);
  const bool bf16 = run.precision == Precision::bf16;
  if (!on_gpu()) {
    // Rounding changes the path of some of the many gradients, at a maximum or a ReLU. One of them changes the
    // following losses by some millionths, in LibTorch or here.
    constexpr double kOneGradient = 1e-5;
    EXPECT_TRUE(is_accurate(launched, cpu, trained_in_double(run), {kOtherOrder, kOneGradient, bf16 ? 2e-2 : 1e-4}));
    EXPECT_EQ(recorded, launched);
    return;
  }
  for (std::size_t step = 0; step < 14; ++step) {
    // The first losses to 1e-3; later ones drift apart with the rounding of the steps before.
    const double far = bf16 ? 3e-2 : step < 3 ? 1e-3 : 1e-2;
    const float size = std::max(1.0F, cpu[step]);
    EXPECT_NEAR(plain[step], cpu[step], far * size) << "plain, step " << step;
    EXPECT_NEAR(launched[step], cpu[step], far * size) << "plug-in, step " << step;
    EXPECT_NEAR(launched[step], plain[step], (bf16 ? 1e-2 : far) * size) << "plug-in beside plain, step " << step;
    EXPECT_NEAR(recorded[step], launched[step], (bf16 ? 1e-3 : 1e-5) * size) << "graph, step " << step;
  }
}

// Simulates a GPU whose driver or libraries cannot record something.
class RefusesToRecord : public HostPlugin {
 public:
  std::unique_ptr<CudaGraph> record(const std::function<void()>& /*work*/) const override {
    TORCH_CHECK(false, "operation not permitted when stream is capturing");
  }
};

TEST(PluginFallback, StepsThatCannotBeRecordedAreLaunched) {
  const Training run = {"lenet", {.kind = OptimizerKind::sgd}};
  const RefusesToRecord plugin;
  std::string note;
  const std::vector<float> launched = trained(run, c10::kCPU, &plugin, false, note);
  EXPECT_EQ(note, "");
  EXPECT_EQ(trained(run, c10::kCPU, &plugin, true, note), launched);
  EXPECT_NE(note.find("launched one by one: operation not permitted"), std::string::npos) << note;
}

// Four epochs of three batches, the last of them smaller.
std::vector<float> trained_on_photos(Inputs inputs, double lr, const c10::Device& device, const CudaPlugin* cuda,
                                     bool graphs, std::string& note) {
  Preprocessing preprocessing = model_info("resnet18").preprocessing;
  preprocessing.height = preprocessing.width = 64;
  PhotoBatches train_set(photo_folder(), preprocessing, {true, 3, 1 << 30, device, cuda});
  PhotoBatches test_set(photo_folder(), preprocessing, {false, 3, 1 << 30, device, cuda});
  return losses_of("resnet18", train_set, test_set,
                   {.epochs = 4,
                    .batch_size = 2,
                    .seed = 4,
                    .optimizer = {.kind = OptimizerKind::sgd, .momentum = 0.9},
                    .schedule = {.lr = lr},
                    .inputs = inputs,
                    .compute = {.device = device, .cuda = cuda},
                    .cuda_graphs = graphs},
                   note);
}

TEST_P(Plugin, ARecordedStepShowsEachEpochsCropsOfPhotos) {
  constexpr double kLr = 0;  // otherwise rounding errors of BatchNorm over two photos would grow with the steps
  std::string note;
  const std::vector<float> plain = trained_on_photos(Inputs::images, kLr, device(), nullptr, false, note);
  const std::vector<float> launched = trained_on_photos(Inputs::images, kLr, device(), &plugin(), false, note);
  const std::vector<float> recorded = trained_on_photos(Inputs::images, kLr, device(), &plugin(), true, note);
  expect_replays(4 * 2 - 2);
  EXPECT_EQ(note, "");
  ASSERT_EQ(plain.size(), 12U);
  for (std::size_t step = 0; step < plain.size(); ++step) {
    // A few bytes of a photo differ by one.
    EXPECT_NEAR(launched[step], plain[step], 0.01 * std::max(1.0F, plain[step])) << "step " << step;
    EXPECT_NEAR(recorded[step], launched[step], 1e-3 * std::max(1.0F, launched[step])) << "step " << step;
  }
}

TEST_P(Plugin, AHeadIsTrainedOnFeaturesOfPhotos) {
  std::string note;
  const std::vector<float> plain = trained_on_photos(Inputs::features, 0.01, device(), nullptr, false, note);
  expect_photos(0);
  const std::vector<float> recorded = trained_on_photos(Inputs::features, 0.01, device(), &plugin(), true, note);
  constexpr std::int64_t kPhotos = 5 + 5;  // of both sets
  expect_photos(4 * kPhotos);
  expect_replays(4 * 2 - 2);
  EXPECT_EQ(note, "");
  ASSERT_EQ(plain.size(), 12U);
  for (std::size_t step = 0; step < plain.size(); ++step) {
    EXPECT_NEAR(recorded[step], plain[step], 1e-3 * std::max(1.0F, plain[step])) << "step " << step;
  }
}

}  // namespace
}  // namespace mnist
