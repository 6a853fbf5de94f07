// A run that is stopped at any step and resumed from its checkpoint file equals the uninterrupted run: the same
// weights, optimizer state and reports, bit for bit.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/train/checkpoint.hpp"
#include "mnist/train/frozen_features.hpp"
#include "mnist/train/loop.hpp"

#include "support/hashed.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kItems = 36;  // with batches of 16: 3 steps an epoch, the last of 4 items

struct Scenario {
  std::string name;
  std::string arch = "lenet";
  OptimizerOptions optimizer = {OptimizerKind::sgd, 0.5, 0};
  Schedule schedule = {0.05, 0.5, 1};
  Precision precision = Precision::fp32;
  bool own_kernels = true;
  double rotation = 0;
  bool head_only = false;
  bool constant_features = true;
  double ema_decay = 0;
};

void PrintTo(const Scenario& scenario, std::ostream* out) {
  *out << scenario.name;
}

class Resume : public ::testing::TestWithParam<Scenario> {};

// The reports, without times.
struct ReportKeeper : TrainingObserver {
  void interval(const IntervalReport& report) override { losses.push_back(report.loss); }
  void training_done(const TrainingReport& report) override { trained.push_back({report.loss, report.batch_losses}); }
  void epoch_done(const EpochReport& report) override { tested.emplace_back(report.test.loss, report.best); }
  void checkpoint(const TrainingState& state) override { states.push_back(state); }

  std::vector<double> losses;
  std::vector<std::pair<double, std::vector<float>>> trained;
  std::vector<std::pair<double, bool>> tested;
  std::vector<TrainingState> states;
};

// The network and data of one process.
struct Process {
  explicit Process(const Scenario& scenario) {
    const ModelInfo& info = model_info(scenario.arch);
    const Preprocessing& p = info.preprocessing;
    // Small photos are enough: the network ends in a mean over the remaining pixels.
    const std::int64_t side = p.kind == Preprocessing::Kind::photo ? 32 : p.height;
    const auto dataset = [&](std::uint32_t salt) {
      return Dataset{"hashed",
                     test::hashed_pixels({kItems, p.channels, side, side}, salt),
                     at::arange(kItems).remainder(2),
                     {"a", "b"}};
    };
    network = make_network(info, 2, 1);
    train_images = std::make_unique<ResidentBatches>(dataset(1), p, RandomRotation{scenario.rotation, 1});
    test_images = std::make_unique<ResidentBatches>(dataset(2), p);
    options.epochs = 2;
    options.batch_size = 16;
    options.test_batch_size = 20;
    options.log_interval = 1;
    options.optimizer = scenario.optimizer;
    options.schedule = scenario.schedule;
    options.compute.precision = scenario.precision;
    options.ema_decay = scenario.ema_decay;
    if (!scenario.own_kernels) options.compute.kernels = nullptr;
    if (scenario.head_only) {
      options.inputs = Inputs::features;
      freeze_all_but(*network, info.head_layer());
      train_features = std::make_unique<FrozenFeatures>(*network, *train_images,
                                                        FrozenFeaturesOptions{.constant = scenario.constant_features});
      test_features = std::make_unique<FrozenFeatures>(*network, *test_images, FrozenFeaturesOptions{.constant = true});
    }
    trainer =
        std::make_unique<Trainer>(*network, train_features ? *train_features : static_cast<Batches&>(*train_images),
                                  test_features ? *test_features : static_cast<Batches&>(*test_images), options);
  }

  // Requests a stop at the `stop`-th call.
  TrainingResult run(ReportKeeper& recorder, std::int64_t stop = -1) {
    std::int64_t asked = 0;
    return trainer->run({&recorder}, [&] { return ++asked == stop; });
  }

  TrainingOptions options;
  std::shared_ptr<Network> network;
  std::unique_ptr<ResidentBatches> train_images, test_images;
  std::unique_ptr<FrozenFeatures> train_features, test_features;
  std::unique_ptr<Trainer> trainer;
};

void expect_same(const NamedTensors& one, const NamedTensors& other, const std::string& what) {
  ASSERT_EQ(one.size(), other.size()) << what;
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].first, other[i].first) << what;
    EXPECT_TRUE(at::equal(one[i].second, other[i].second)) << what << " " << one[i].first;
  }
}

TEST_P(Resume, AtAnyMomentIsTheRunThatWasNotStopped) {
  const test::TemporaryFolder folder;
  ReportKeeper whole;
  const TrainingResult expected = Process(GetParam()).run(whole);
  ASSERT_EQ(whole.states.size(), 1u);  // the end

  // Each epoch calls it before its 3 steps and before its 2 evaluation batches.
  std::vector<std::int64_t> stops = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  if (GetParam().arch == "resnet18") stops = {3, 4, 7};  // its checkpoints are large
  for (const std::int64_t stop : stops) {
    SCOPED_TRACE("stopped at question " + std::to_string(stop));
    ReportKeeper parts;
    ASSERT_TRUE(Process(GetParam()).run(parts, stop).stopped);
    ASSERT_EQ(parts.states.size(), 1u);
    const Recipe recipe = {.class_names = {"a", "b"}, .preprocessing = model_info("lenet").preprocessing};
    write_checkpoint(folder / "checkpoint.pt", {.state = parts.states.back(), .recipe = recipe});

    Process next(GetParam());
    next.trainer->restore(read_checkpoint(folder / "checkpoint.pt").state);
    parts.states.clear();
    const TrainingResult result = next.run(parts);
    EXPECT_FALSE(result.stopped);
    EXPECT_EQ(parts.losses, whole.losses);
    EXPECT_EQ(parts.trained, whole.trained);
    EXPECT_EQ(parts.tested, whole.tested);
    expect_same(parts.states.back().network, whole.states.back().network, "network");
    expect_same(parts.states.back().optimizer, whole.states.back().optimizer, "optimizer");
    expect_same(parts.states.back().average, whole.states.back().average, "average");
    expect_same(result.best.network, expected.best.network, "best");
    EXPECT_EQ(result.best.epoch, expected.best.epoch);
    EXPECT_EQ(result.epochs, 2);
    EXPECT_EQ(result.test.loss, expected.test.loss);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Resume,
    ::testing::Values(
        Scenario{.name = "sgd"}, Scenario{.name = "plain_sgd", .optimizer = {OptimizerKind::sgd, 0, 0.1}},
        Scenario{.name = "adam_one_cycle",
                 .optimizer = {OptimizerKind::adam, 0, 0},
                 .schedule = {.lr = 0.003, .kind = ScheduleKind::one_cycle, .epochs = 2}},
        Scenario{.name = "adadelta_cnn",
                 .arch = "cnn",
                 .optimizer = {OptimizerKind::adadelta, 0, 0},
                 .schedule = {1, 0.7, 1}},
        Scenario{.name = "bf16_cnn",
                 .arch = "cnn",
                 .optimizer = {OptimizerKind::adadelta, 0, 0},
                 .schedule = {1, 0.7, 1},
                 .precision = Precision::bf16},
        Scenario{.name = "operators", .arch = "cnn", .optimizer = {OptimizerKind::adam, 0, 0}, .own_kernels = false},
        Scenario{.name = "adamw_averaged",
                 .optimizer = {OptimizerKind::adamw, 0, 0.1},
                 .schedule = {.lr = 0.003, .kind = ScheduleKind::cosine, .epochs = 2, .warmup = 0.5},
                 .ema_decay = 0.9},
        Scenario{.name = "averaged_head",
                 .arch = "resnet18",
                 .optimizer = {OptimizerKind::sgd, 0.9, 0},
                 .head_only = true,
                 .ema_decay = 0.9},
        Scenario{.name = "rotated_convnet", .arch = "convnet", .rotation = 30},
        Scenario{.name = "resnet18", .arch = "resnet18", .optimizer = {OptimizerKind::sgd, 0.9, 0}},
        Scenario{.name = "head", .arch = "resnet18", .optimizer = {OptimizerKind::sgd, 0.9, 0}, .head_only = true},
        Scenario{.name = "head_of_changing_images",
                 .arch = "resnet18",
                 .optimizer = {OptimizerKind::sgd, 0.9, 0},
                 .head_only = true,
                 .constant_features = false}),
    [](const auto& instance) { return instance.param.name; });

TEST(Trainer, HandsOutItsStateAsOftenAsAsked) {
  const auto steps_of = [](const CheckpointPolicy& policy) {
    Process process({});
    ReportKeeper recorder;
    process.trainer->run(
        {&recorder}, [] { return false; }, policy);
    std::vector<std::int64_t> steps;
    for (const TrainingState& state : recorder.states) steps.push_back(state.all_steps);
    return steps;
  };
  using Steps = std::vector<std::int64_t>;
  EXPECT_EQ(steps_of({}), (Steps{6}));
  EXPECT_EQ(steps_of({.epochs = 1}), (Steps{3, 6}));
  EXPECT_EQ(steps_of({.epochs = 5}), (Steps{6}));
  EXPECT_EQ(steps_of({.steps = 2}), (Steps{2, 4, 6}));
  EXPECT_EQ(steps_of({.steps = 3}), (Steps{3, 6}));
  EXPECT_EQ(steps_of({.seconds = 1e-9}), (Steps{1, 2, 3, 4, 5, 6}));
}

TEST(Trainer, GoesOnAfterItsLastEpochIfItGetsMore) {
  ReportKeeper whole;
  Process longer({});
  longer.options.epochs = 3;
  longer.run(whole);

  ReportKeeper parts;
  Process first({});
  first.run(parts);
  Process second({});
  second.options.epochs = 3;
  second.trainer->restore(parts.states.back());
  EXPECT_EQ(second.run(parts).epochs, 3);
  EXPECT_EQ(parts.tested, whole.tested);
  expect_same(parts.states.back().network, whole.states.back().network, "network");
}

TEST(Trainer, RefusesAStateOfAnotherRun) {
  ReportKeeper recorder;
  Process process({});
  process.run(recorder);
  const TrainingState& state = recorder.states.back();
  Process other({.arch = "convnet"});
  EXPECT_THROW(other.trainer->restore(state), Error);
  Process adam({.optimizer = {OptimizerKind::adam, 0, 0}});
  EXPECT_THROW(adam.trainer->restore(state), Error);
  TrainingState odd = state;
  odd.all_steps += 1;
  Process same({});
  EXPECT_THROW(same.trainer->restore(odd), Error);
}

TEST(Trainer, HandsOutNoStateThatIsLost) {
  for (const double lr : {1e30, 1e6}) {
    Process process({.schedule = {lr, 1, 0}});
    ReportKeeper recorder;
    try {
      process.trainer->run({&recorder}, [] { return false; }, {.steps = 1});
      FAIL() << "no error at lr " << lr;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::diverged);
    }
    for (const TrainingState& state : recorder.states) {
      for (const auto& [name, tensor] : state.network) {
        EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << lr << " " << name;
      }
    }
  }
}

}  // namespace
}  // namespace mnist
