// A run by several ranks equals the run by one rank: the same batches, the same dropout, the same losses except for the
// order of sums.
#include "support/ranks.hpp"

#include <mutex>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/model/registry.hpp"
#include "mnist/train/frozen_features.hpp"
#include "mnist/train/loop.hpp"

#include "support/hashed.hpp"

namespace mnist {
namespace {

struct Case {
  std::string name;
  std::string arch = "cnn";
  std::int64_t items = 100;
  std::int64_t batch_size = 24;  // the last batch has 4
  OptimizerOptions optimizer = {OptimizerKind::sgd, 0.9, 0};
  // Small steps, because large ones amplify differences in the last bits, above all with few rows, where a ReLU that
  // depends on rounding is a large part of the gradient.
  double lr = 0.005;
  bool head_only = false;
  std::vector<double> class_weights = {};
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

struct Keeper : TrainingObserver {
  void training_done(const TrainingReport& report) override {
    losses.insert(losses.end(), report.batch_losses.begin(), report.batch_losses.end());
    correct += report.correct;
  }
  void epoch_done(const EpochReport& report) override { test_losses.push_back(report.test.loss); }
  void checkpoint(const TrainingState& state) override { states.push_back(state); }
  std::vector<float> losses;
  std::int64_t correct = 0;
  std::vector<double> test_losses;
  std::vector<TrainingState> states;
};

struct RankRun {
  Keeper reports;
  NamedTensors network;
  TrainingResult result;
};

Dataset hashed(const ModelInfo& info, std::int64_t items, std::uint32_t salt) {
  const Preprocessing& p = info.preprocessing;
  const std::int64_t side = p.kind == Preprocessing::Kind::photo ? 32 : p.height;
  return {"hashed", test::hashed_pixels({items, p.channels, side, side}, salt), at::arange(items).remainder(10),
          std::vector<std::string>(10, "class")};
}

// Ranks are threads here, and LibTorch has one generator of random numbers for all.
std::mutex g_random;

// Only rank 0's weights count.
std::shared_ptr<Network> network_of(const ModelInfo& info, const Communicator& ranks) {
  const std::lock_guard lock(g_random);
  return make_network(info, 10, ranks.leads() ? 1 : 77);
}

// The run of one rank; `from`: where it continues.
RankRun run_of(const Case& one, const std::shared_ptr<Communicator>& ranks, const TrainingState* from = nullptr) {
  const ModelInfo& info = model_info(one.arch);
  const std::shared_ptr<Network> network = network_of(info, *ranks);
  ResidentBatches train_images(hashed(info, one.items, 1), info.preprocessing);
  ResidentBatches test_images(hashed(info, 50, 2), info.preprocessing);
  TrainingOptions options;
  options.epochs = 2;
  options.batch_size = one.batch_size;
  options.test_batch_size = 20;
  options.optimizer = one.optimizer;
  options.schedule = {one.lr, 0.7, 1};
  options.class_weights = one.class_weights;
  options.ranks = ranks;
  std::unique_ptr<FrozenFeatures> train_features;
  std::unique_ptr<FrozenFeatures> test_features;
  if (one.head_only) {
    options.inputs = Inputs::features;
    freeze_all_but(*network, info.head_layer());
    // The ranks compute them together, with rank 0's network.
    for (const auto& [name, tensor] : state_dict(*network)) ranks->broadcast(tensor);
    train_features = std::make_unique<FrozenFeatures>(*network, train_images, FrozenFeaturesOptions{true, {}});
    test_features = std::make_unique<FrozenFeatures>(*network, test_images, FrozenFeaturesOptions{true, {}});
    train_features->compute_together(*ranks, [] { return false; });
    test_features->compute_together(*ranks, [] { return false; });
  }
  Batches& train_set = one.head_only ? static_cast<Batches&>(*train_features) : train_images;
  Batches& test_set = one.head_only ? static_cast<Batches&>(*test_features) : test_images;
  RankRun run;
  Trainer trainer(*network, train_set, test_set, options);
  if (from != nullptr) trainer.restore(*from);
  run.result = trainer.run({&run.reports}, [] { return false; }, {.steps = 3});
  for (const auto& [name, tensor] : state_dict(*network)) run.network.emplace_back(name, tensor.detach().clone());
  return run;
}

std::vector<RankRun> runs_of(const Case& one, int size, const TrainingState* from = nullptr) {
  std::vector<RankRun> runs(static_cast<std::size_t>(size));
  std::mutex mutex;
  const auto ends = test::run_ranks(size, [&](const std::shared_ptr<Communicator>& ranks) {
    RankRun run = run_of(one, ranks, from);
    const std::lock_guard lock(mutex);
    runs[static_cast<std::size_t>(ranks->rank())] = std::move(run);
  });
  for (const std::exception_ptr& end : ends) {
    if (end) std::rethrow_exception(end);
  }
  return runs;
}

class RanksOf : public ::testing::TestWithParam<Case> {};

TEST_P(RanksOf, ComeToTheSameLosses) {
  const RankRun alone = run_of(GetParam(), single_process());
  for (const int size : {2, 3, 4}) {
    const std::vector<RankRun> runs = runs_of(GetParam(), size);
    const RankRun& first = runs.front();
    ASSERT_EQ(first.reports.losses.size(), alone.reports.losses.size());
    for (std::size_t step = 0; step < alone.reports.losses.size(); ++step) {
      EXPECT_NEAR(first.reports.losses[step], alone.reports.losses[step], 1e-5) << size << " ranks, step " << step;
    }
    ASSERT_EQ(first.reports.test_losses.size(), 2U);
    for (std::size_t epoch = 0; epoch < 2; ++epoch) {
      EXPECT_NEAR(first.reports.test_losses[epoch], alone.reports.test_losses[epoch], 1e-5);
    }
    EXPECT_EQ(first.result.test.total, 50);
    EXPECT_NEAR(static_cast<double>(first.reports.correct), static_cast<double>(alone.reports.correct), 1);
    for (const RankRun& run : runs) {
      EXPECT_EQ(run.reports.losses, first.reports.losses);
      EXPECT_EQ(run.result.test.correct, first.result.test.correct);
      for (std::size_t i = 0; i < run.network.size(); ++i) {
        EXPECT_TRUE(run.network[i].second.equal(first.network[i].second)) << run.network[i].first;
      }
    }
  }
}

TEST_P(RanksOf, ContinueBitForBitAndWithOtherNumbersToTheUsualRounding) {
  const std::vector<RankRun> whole = runs_of(GetParam(), 2);
  const TrainingState& middle = whole.front().reports.states.at(0);
  ASSERT_EQ(middle.step, 3);
  ASSERT_TRUE(whole[1].reports.states.empty());  // only rank 0 emits states
  const RankRun again = runs_of(GetParam(), 2, &middle).front();
  const RankRun on_one = run_of(GetParam(), single_process(), &middle);
  EXPECT_EQ(again.reports.losses, whole.front().reports.losses);
  for (std::size_t i = 0; i < again.network.size(); ++i) {
    EXPECT_TRUE(again.network[i].second.equal(whole.front().network[i].second)) << again.network[i].first;
  }
  for (std::size_t step = 0; step < on_one.reports.losses.size(); ++step) {
    EXPECT_NEAR(on_one.reports.losses[step], whole.front().reports.losses[step], 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Of, RanksOf,
    ::testing::Values(
        Case{.name = "sgd"}, Case{.name = "adadelta", .optimizer = {OptimizerKind::adadelta}},
        Case{.name = "batches smaller than the ranks", .items = 26, .batch_size = 3, .lr = 1e-4},
        Case{.name = "a head on frozen features", .head_only = true},
        Case{.name = "weighted classes", .lr = 0.001, .class_weights = {1, 9, 0.1, 0.5, 4, 1, 1, 0.2, 2, 3}},
        Case{.name = "weighted classes of few rows",
             .items = 26,
             .batch_size = 3,
             .lr = 1e-4,
             .class_weights = {1, 9, 0.1, 0.5, 4, 1, 1, 0.2, 2, 3}}),
    [](const auto& instance) {
      std::string name = instance.param.name;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

// In training each rank has its own BatchNorm statistics; the evaluation uses those of rank 0.
TEST(Ranks, HaveOneNetworkWhenItIsEvaluated) {
  const Case one{.name = "resnet18", .arch = "resnet18", .items = 12, .batch_size = 8, .lr = 1e-4};
  const std::vector<RankRun> runs = runs_of(one, 2);
  const torch::Tensor initial = at::zeros({64});
  for (std::size_t i = 0; i < runs[0].network.size(); ++i) {
    const auto& [name, tensor] = runs[0].network[i];
    EXPECT_TRUE(tensor.equal(runs[1].network[i].second)) << name;
    if (name == "bn1.running_mean") {
      EXPECT_FALSE(tensor.equal(initial));
    }
  }
  EXPECT_EQ(runs[0].result.test.correct, runs[1].result.test.correct);
}

TEST(Ranks, StopTogetherWhenOneIsAsked) {
  std::vector<std::int64_t> steps(2);
  const auto ends = test::run_ranks(2, [&](const std::shared_ptr<Communicator>& ranks) {
    const ModelInfo& info = model_info("lenet");
    const std::shared_ptr<Network> network = network_of(info, *ranks);
    ResidentBatches images(hashed(info, 64, 1), info.preprocessing);
    TrainingOptions options;
    options.batch_size = 8;
    options.ranks = ranks;
    std::int64_t& done = steps[static_cast<std::size_t>(ranks->rank())];
    struct Counter : TrainingObserver {
      explicit Counter(std::int64_t& count) : count_(count) {}
      void batch_done(const BatchReport& /*report*/) override { ++count_; }
      std::int64_t& count_;
    } counter(done);
    const TrainingResult result =
        train(*network, images, images, options, {&counter}, [&] { return ranks->rank() == 1 && done == 3; });
    EXPECT_TRUE(result.stopped);
  });
  for (const auto& end : ends) EXPECT_FALSE(end);
  EXPECT_EQ(steps[0], 3);
  EXPECT_EQ(steps[1], 3);
}

}  // namespace
}  // namespace mnist
