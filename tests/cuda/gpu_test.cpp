// The plug-in on a GPU, held to LibTorch's operators there and to the CPU. Skipped, each with the reason, where there
// is no GPU or no plug-in.
#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/data/batch.hpp"
#include "mnist/data/batches.hpp"
#include "mnist/data/photos.hpp"
#include "mnist/device/cuda_library.hpp"
#include "mnist/device/cuda_plugin.hpp"
#include "mnist/model/dropout.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/train/loop.hpp"

namespace mnist {
namespace {

const c10::Device kGpu(c10::kCUDA, 0);

// LibTorch looks for CUDA once, at the first tensor work of whichever test.
class LoadsCuda : public testing::Environment {
 public:
  void SetUp() override { load_cuda(); }
};
const testing::Environment* const kLoadsCuda = testing::AddGlobalTestEnvironment(new LoadsCuda);

class Gpu : public testing::Test {
 protected:
  void SetUp() override {
    if (const CudaStatus cuda = load_cuda(); !cuda.usable) GTEST_SKIP() << cuda.reason;
    std::string why;
    plugin_ = cuda_plugin(kGpu, why);
    if (plugin_ == nullptr) GTEST_SKIP() << why;
    at::manual_seed(11);
    at::globalContext().setDeterministicCuDNN(true);
  }

  const CudaPlugin& plugin() const { return *plugin_; }

 private:
  const CudaPlugin* plugin_ = nullptr;
};

torch::Tensor clock_of(std::int64_t epoch, std::int64_t step) {
  return at::tensor({epoch, step}, at::kLong).to(kGpu);
}

TEST_F(Gpu, GatherIsWhatTheCpuGathers) {
  const Preprocessing preprocessing = {.mean = {0.1307}, .std = {0.3081}};
  Dataset dataset;
  dataset.images = at::randint(0, 256, {300, 1, 28, 28}, at::kByte);
  dataset.labels = at::randint(0, 10, {300}, at::kLong);
  const torch::Tensor order = at::randperm(300, at::kLong);
  const Batch expected = gather_batch(dataset, order.slice(0, 128, 192), preprocessing);
  torch::Tensor inputs = at::empty({64, 1, 28, 28}, kGpu);
  torch::Tensor targets = at::empty({64}, at::TensorOptions(kGpu).dtype(at::kLong));
  plugin().gather(dataset.images.to(kGpu), dataset.labels.to(kGpu), order.to(kGpu), clock_of(1, 2), 64, {0.1307},
                  {0.3081}, inputs, targets);
  EXPECT_TRUE(at::equal(inputs.cpu(), expected.inputs));
  EXPECT_TRUE(at::equal(targets.cpu(), expected.targets));
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

TEST_F(Gpu, PhotosAreCutAsTheCpuCutsThem) {
  const Preprocessing preprocessing = {
      .height = 40, .width = 32, .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}};
  const PhotoFolder folder = photo_folder();
  PhotoBatches on_cpu(folder, preprocessing, {true, 3, 1 << 30, c10::kCPU});
  PhotoBatches on_gpu(folder, preprocessing, {true, 3, 1 << 30, kGpu});
  ASSERT_EQ(on_gpu.size(), 5);
  Batch batch;
  EXPECT_FALSE(on_cpu.prepare(2, batch));
  for (const std::int64_t epoch : {1, 2}) {
    const torch::Tensor order = at::randperm(5, at::kLong);
    on_cpu.start(order, epoch);
    on_gpu.start(order, epoch);
    const Batch expected = on_cpu.get(2, 4);
    ASSERT_TRUE(on_gpu.prepare(2, batch));
    on_gpu.gather(plugin(), clock_of(epoch, 1), 2, batch);
    constexpr double kStep = 1 / 255.0 / 0.224;  // of a colour
    EXPECT_LT((batch.inputs.cpu() - expected.inputs).abs().max().item<double>(), 1.01 * kStep);
    EXPECT_TRUE(at::equal(batch.targets.cpu(), expected.targets));
    EXPECT_LT((on_gpu.get(2, 4).inputs.cpu() - expected.inputs).abs().max().item<double>(), 1e-5);
  }
}

TEST_F(Gpu, DropoutWithAndWithoutReluAndPoolIsTheCpus) {
  const auto both = [&](const torch::Tensor& x, const auto& apply) {
    torch::Tensor on_cpu = x.clone().requires_grad_();
    torch::Tensor on_gpu = x.to(kGpu).requires_grad_();
    const torch::Tensor expected = apply(Dropout(5, 2, 9), on_cpu);
    const torch::Tensor result = apply(Dropout(5, plugin(), clock_of(2, 9)), on_gpu);
    ASSERT_TRUE(at::equal(result.detach().cpu(), expected.detach()));
    const torch::Tensor gradient = at::randn_like(expected);
    expected.backward(gradient);
    result.backward(gradient.to(kGpu));
    EXPECT_TRUE(at::equal(on_gpu.grad().cpu(), on_cpu.grad()));
  };
  both(at::randn({64, 128}), [](const Dropout& dropout, const torch::Tensor& x) { return dropout(x, 0.5, 1); });
  both(at::randn({64, 128}),
       [](const Dropout& dropout, const torch::Tensor& x) { return dropout.after_relu(x, 0.5, 1); });
  for (const at::MemoryFormat format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    both(at::randn({16, 64, 24, 24}).contiguous(format),
         [](const Dropout& dropout, const torch::Tensor& x) { return dropout.after_relu_and_pool(x, 0.25, 0); });
  }
}

TEST_F(Gpu, ReluPoolDropoutInBf16) {
  const torch::Tensor x = at::randn({8, 4, 6, 6}, kGpu).to(at::kBFloat16);
  torch::Tensor winner;
  const torch::Tensor pooled = plugin().relu_pool_dropout(x, {}, winner);
  EXPECT_EQ(pooled.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::equal(pooled, at::max_pool2d(at::relu(x), 2).flatten(1)));
}

TEST_F(Gpu, LossAndItsGradient) {
  for (const std::int64_t rows : {1, 64, 1000}) {
    const torch::Tensor logits = at::randn({rows, 10}, kGpu) * 5;
    const torch::Tensor targets = at::randint(0, 10, {rows}, at::kLong).to(kGpu);
    torch::Tensor leaf = logits.clone().requires_grad_();
    const torch::Tensor expected = at::nll_loss(at::log_softmax(leaf, 1), targets);
    expected.backward();
    torch::Tensor losses = at::zeros({4}, kGpu);
    torch::Tensor correct = at::zeros({4}, kGpu);
    const torch::Tensor gradient = plugin().loss(logits, targets, clock_of(1, 3), losses, correct);
    EXPECT_NEAR(losses[3].item<double>(), expected.item<double>(), 1e-5);
    EXPECT_EQ(correct[3].item<double>(), logits.argmax(1).eq(targets).sum().item<double>());
    EXPECT_TRUE(at::allclose(gradient, leaf.grad(), 1e-5, 1e-7));
    EXPECT_EQ(losses.slice(0, 0, 3).abs().sum().item<double>(), 0);
  }
}

TEST_F(Gpu, ARecordedPieceOfWorkIsRepeated) {
  plugin().on_own_stream(kGpu, [&] {
    torch::Tensor clock = clock_of(1, 0);
    plugin().advance(clock);  // the first launch of a kernel loads it, which is not to be recorded
    clock.copy_(clock_of(1, 0));
    const auto graph = plugin().record([&] { plugin().advance(clock); });
    EXPECT_EQ(clock[1].item<std::int64_t>(), 0) << "recording carried it out";
    for (int i = 0; i < 5; ++i) graph->replay();
    EXPECT_EQ(clock[1].item<std::int64_t>(), 5);
  });
}

class Losses : public TrainingObserver {
 public:
  void training_done(const TrainingReport& report) override {
    steps.insert(steps.end(), report.batch_losses.begin(), report.batch_losses.end());
  }

  std::vector<float> steps;
};

// The losses of all steps; `note` gets what the run says.
std::vector<float> losses_of(const std::string& arch, Batches& train_set, Batches& test_set, TrainingOptions options,
                             std::string& note) {
  const auto network = make_network(model_info(arch), 10, 1);
  network->use_kernels(nullptr);
  network->to(options.device);
  options.note = [&](const std::string& sentence) { note = sentence; };
  Losses losses;
  train(*network, train_set, test_set, options, {&losses}, [] { return false; });
  return losses.steps;
}

// Two epochs of seven batches, the last of them smaller.
std::vector<float> trained(const std::string& arch, const OptimizerOptions& optimizer, const c10::Device& device,
                           const CudaPlugin* cuda, bool graphs, std::string& note) {
  at::manual_seed(3);
  Dataset dataset;
  dataset.images = at::randint(0, 256, {400, 1, 28, 28}, at::kByte).to(device);
  dataset.labels = at::randint(0, 10, {400}, at::kLong).to(device);
  ResidentBatches train_set(dataset, model_info(arch).preprocessing);
  ResidentBatches test_set(dataset, model_info(arch).preprocessing);
  return losses_of(arch, train_set, test_set,
                   {.epochs = 2,
                    .seed = 4,
                    .optimizer = optimizer,
                    .schedule = {.lr = optimizer.name == "adam" ? 0.001 : 0.1},
                    .device = device,
                    .cuda = cuda,
                    .cuda_graphs = graphs},
                   note);
}

class GpuTraining : public Gpu, public testing::WithParamInterface<std::pair<std::string, OptimizerOptions>> {};

TEST_P(GpuTraining, FollowsTheCpu) {
  const auto& [arch, optimizer] = GetParam();
  std::string note;
  const std::vector<float> cpu = trained(arch, optimizer, c10::kCPU, nullptr, false, note);
  const std::vector<float> plain = trained(arch, optimizer, kGpu, nullptr, false, note);
  const std::vector<float> launched = trained(arch, optimizer, kGpu, &plugin(), false, note);
  const std::vector<float> recorded = trained(arch, optimizer, kGpu, &plugin(), true, note);
  EXPECT_EQ(note, "");
  ASSERT_EQ(cpu.size(), 14U);
  for (std::size_t step = 0; step < 14; ++step) {
    // The first losses to 1e-3; later ones drift apart with the rounding of the steps before.
    const double near = (step < 3 ? 1e-3 : 1e-2) * std::max(1.0F, cpu[step]);
    EXPECT_NEAR(plain[step], cpu[step], near) << "plain, step " << step;
    EXPECT_NEAR(launched[step], cpu[step], near) << "plug-in, step " << step;
    EXPECT_NEAR(recorded[step], launched[step], 1e-5 * std::max(1.0F, cpu[step])) << "graph, step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, GpuTraining,
                         testing::Values(std::pair{"cnn", OptimizerOptions{.name = "adadelta"}},
                                         std::pair{"cnn", OptimizerOptions{.name = "adam"}},
                                         std::pair{"lenet", OptimizerOptions{.name = "sgd", .momentum = 0.5}},
                                         std::pair{"convnet", OptimizerOptions{.name = "adam"}}),
                         [](const auto& parameter) {
                           return parameter.param.first + "_" + parameter.param.second.name;
                         });

TEST_F(Gpu, ARecordedStepShowsEachEpochsCropsOfPhotos) {
  Preprocessing preprocessing = model_info("resnet18").preprocessing;
  preprocessing.height = preprocessing.width = 64;
  std::string note;
  const auto losses = [&](const CudaPlugin* cuda, bool graphs) {
    PhotoBatches train_set(photo_folder(), preprocessing, {true, 3, 1 << 30, kGpu});
    PhotoBatches test_set(photo_folder(), preprocessing, {false, 3, 1 << 30, kGpu});
    return losses_of("resnet18", train_set, test_set,
                     {.epochs = 4,
                      .batch_size = 2,
                      .seed = 4,
                      .optimizer = {.name = "sgd", .momentum = 0.9},
                      .schedule = {.lr = 0.0001},
                      .device = kGpu,
                      .cuda = cuda,
                      .cuda_graphs = graphs},
                     note);
  };
  const std::vector<float> plain = losses(nullptr, false);
  const std::vector<float> launched = losses(&plugin(), false);
  const std::vector<float> recorded = losses(&plugin(), true);
  EXPECT_EQ(note, "");
  ASSERT_EQ(plain.size(), 12U);
  for (std::size_t step = 0; step < plain.size(); ++step) {
    // Bytes of a photo that differ by one between CPU and GPU, and BatchNorm over two photos, tell them apart.
    EXPECT_NEAR(launched[step], plain[step], 0.05 * std::max(1.0F, plain[step])) << "step " << step;
    EXPECT_NEAR(recorded[step], launched[step], 1e-3 * std::max(1.0F, launched[step])) << "step " << step;
  }
}

}  // namespace
}  // namespace mnist
