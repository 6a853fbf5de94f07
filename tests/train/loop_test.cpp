// The training loop on small data: it learns, is reproducible, reports, stops on request, and detects divergence. For
// each bug of the official C++ examples there is a test that would detect it.
#include "mnist/train/loop.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/model/registry.hpp"

#include "support/hashed.hpp"
#include "support/reference_numbers.hpp"
#include "support/tensor_accuracy.hpp"

namespace mnist {
namespace {

// `count` easy digits: a bright square whose position is the class, on little noise.
Dataset easy_digits(std::int64_t count, std::uint32_t salt) {
  Dataset dataset;
  dataset.name = "easy";
  dataset.images = test::hashed_pixels({count, 1, 28, 28}, salt).remainder(40);
  dataset.labels = at::arange(count).remainder(10);
  for (std::int64_t item = 0; item < count; ++item) {
    const std::int64_t label = item % 10;
    dataset.images[item][0]
        .slice(0, 2 + 12 * (label / 5), 12 + 12 * (label / 5))
        .slice(1, 2 + 5 * (label % 5), 6 + 5 * (label % 5))
        .add_(200);
  }
  for (int label = 0; label < 10; ++label) dataset.class_names.push_back(std::to_string(label));
  return dataset;
}

const ModelInfo& lenet() {
  return model_info("lenet");
}

TrainingOptions quick_options() {
  TrainingOptions options;
  options.epochs = 2;
  options.batch_size = 16;
  options.log_interval = 4;
  options.optimizer = {OptimizerKind::sgd, 0.5, 0};
  options.schedule = {0.05, 0.5, 1};
  return options;
}

struct Recorder : TrainingObserver {
  void batch_done(const BatchReport& report) override { batches.push_back(report); }
  void interval(const IntervalReport& report) override { intervals.push_back(report); }
  void training_done(const TrainingReport& report) override { evaluated.push_back(report.epoch); }
  void epoch_done(const EpochReport& report) override { epochs.push_back(report); }
  std::vector<BatchReport> batches;
  std::vector<IntervalReport> intervals;
  std::vector<std::int64_t> evaluated;
  std::vector<EpochReport> epochs;
};

TrainingResult train_with(Network& network, const TrainingOptions& options, TrainingObserver* observer = nullptr,
                          std::int64_t stop_after = -1) {
  const Dataset train_set = easy_digits(100, 1);
  const Dataset test_set = easy_digits(50, 2);
  std::vector<TrainingObserver*> observers;
  if (observer != nullptr) observers.push_back(observer);
  std::int64_t steps = 0;
  ResidentBatches train_batches(train_set, lenet().preprocessing);
  ResidentBatches test_batches(test_set, lenet().preprocessing);
  return train(network, train_batches, test_batches, options, observers, [&] { return steps++ == stop_after; });
}

TEST(Loop, LearnsEasyDigits) {
  const auto network = make_network(lenet(), 10, 1);
  TrainingOptions options = quick_options();
  options.epochs = 6;
  const TrainingResult result = train_with(*network, options);
  EXPECT_EQ(result.epochs, 6);
  EXPECT_FALSE(result.stopped);
  EXPECT_EQ(result.test.total, 50);
  EXPECT_EQ(result.test.correct, 50);
}

// Like torch.nn.CrossEntropyLoss(weight=...): the sum of the weighted losses divided by the sum of the weights.
TEST(Loop, ClassWeightsGivePyTorchsWeightedMean) {
  const auto network = make_network(lenet(), 10, 1);
  const auto expected = make_network(lenet(), 10, 1);
  TrainingOptions options = quick_options();
  options.epochs = 1;
  options.batch_size = 100;
  options.optimizer = {OptimizerKind::sgd, 0, 0};
  options.shuffle = false;
  options.class_weights = {1, 9, 0.1, 0.5, 4, 1, 1, 0.2, 2, 3};

  const Dataset train_set = easy_digits(100, 1);
  const Batch batch = gather_batch(train_set, at::arange(100), lenet().preprocessing);
  const torch::Tensor loss = at::nll_loss(at::log_softmax(expected->forward(batch.inputs, Dropout::off()), 1),
                                          batch.targets, torch::tensor(options.class_weights, at::kFloat));
  loss.backward();

  Recorder recorder;
  train_with(*network, options, &recorder);
  EXPECT_NEAR(recorder.epochs.front().train.loss, loss.item<double>(), 1e-6);
  for (std::size_t i = 0; i < network->parameters().size(); ++i) {
    const torch::Tensor before = expected->parameters()[i];
    EXPECT_TRUE(at::allclose(network->parameters()[i], before - options.schedule.lr * before.grad(), 1e-5, 1e-6)) << i;
  }
}

TEST(Loop, RefusesClassWeightsThatMakeNoSense) {
  const auto network = make_network(lenet(), 10, 1);
  TrainingOptions options = quick_options();
  for (const double weight : {-1.0, std::nan(""), HUGE_VAL}) {
    options.class_weights = std::vector<double>(10, 1);
    options.class_weights[3] = weight;
    EXPECT_THROW(train_with(*network, options), Error) << weight;
  }
  options.class_weights = std::vector<double>(10, 0);
  EXPECT_THROW(train_with(*network, options), Error) << "all are 0";
  options.class_weights = std::vector<double>(9, 1);
  EXPECT_THROW(train_with(*network, options), c10::Error) << "a class has none";
}

// Folders are in the order of their classes: the first items would be of one class.
TEST(Loop, CutTestsCanTakeItemsFromTheWholeSet) {
  const auto network = make_network(lenet(), 10, 1);
  const Dataset set = easy_digits(50, 2);
  ResidentBatches batches(set, lenet().preprocessing);
  const auto labels = [&](bool spread) {
    std::vector<torch::Tensor> targets;
    EvaluationOptions options;
    options.batch_size = 3;
    options.limit_batches = 2;
    options.spread = spread;
    options.each_batch = [&](const torch::Tensor&, const torch::Tensor& of_batch) { targets.push_back(of_batch); };
    EXPECT_EQ(evaluate(*network, batches, options).total, 6);
    return at::cat(targets);
  };
  EXPECT_TRUE(labels(false).equal(set.labels.slice(0, 0, 6)));
  EXPECT_TRUE(labels(true).equal(set.labels.index_select(0, at::tensor({0, 8, 16, 25, 33, 41}, at::kLong))));
}

TEST(Loop, SameOptionsGiveTheSameBits) {
  for (const char* arch : {"lenet", "cnn"}) {
    TrainingOptions options = quick_options();
    options.epochs = arch == std::string("cnn") ? 1 : 2;
    const auto first = make_network(model_info(arch), 10, 1);
    const auto second = make_network(model_info(arch), 10, 1);
    train_with(*first, options);
    train_with(*second, options);
    const auto a = first->parameters();
    const auto b = second->parameters();
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i], b[i])) << arch << " " << i;
    options.seed = 2;
    const auto third = make_network(model_info(arch), 10, 1);
    train_with(*third, options);
    EXPECT_FALSE(at::equal(a[0], third->parameters()[0])) << arch;
  }
}

TEST(Loop, ReportsEveryIntervalWithTheReferenceProgramsCounts) {
  Recorder recorder;
  train_with(*make_network(lenet(), 10, 1), quick_options(), &recorder);
  ASSERT_EQ(recorder.batches.size(), 14u);  // 7 an epoch, the last of 4 items
  EXPECT_EQ(recorder.batches[6].items, 4);
  EXPECT_EQ(recorder.batches[6].batch, 7);
  ASSERT_EQ(recorder.intervals.size(), 4u);  // batches 0 and 4 of each epoch
  EXPECT_EQ(recorder.intervals[1].batch, 4);
  EXPECT_EQ(recorder.intervals[3].step, 11);
  EXPECT_EQ(recorder.intervals[3].items, 100);
  const std::vector<float>& accuracies = recorder.epochs[0].train.batch_accuracies;
  EXPECT_FLOAT_EQ(static_cast<float>(recorder.intervals[0].accuracy), accuracies[0]);
  EXPECT_FLOAT_EQ(static_cast<float>(recorder.intervals[1].accuracy),
                  (accuracies[1] + accuracies[2] + accuracies[3] + accuracies[4]) / 4);
  EXPECT_DOUBLE_EQ(recorder.intervals[0].lr, 0.05);
  EXPECT_DOUBLE_EQ(recorder.intervals[2].lr, 0.025);
  EXPECT_EQ(recorder.evaluated, (std::vector<std::int64_t>{1, 2}));
  ASSERT_EQ(recorder.epochs.size(), 2u);
  EXPECT_EQ(recorder.epochs[1].train.epoch, 2);
}

// The loop written out: order and dropout are functions of (seed, epoch, step), and each step uses the weights of the
// previous one.
TEST(Loop, IsWhatItsPartsMakeByHand) {
  const ModelInfo& cnn = model_info("cnn");
  TrainingOptions options = quick_options();
  options.seed = 7;
  const auto trained = make_network(cnn, 10, 1);
  train_with(*trained, options);

  const auto network = make_network(cnn, 10, 1);
  network->train();
  const Dataset train_set = easy_digits(100, 1);
  const auto optimizer = make_optimizer(options.optimizer, network->parameters());
  for (std::int64_t epoch = 1; epoch <= 2; ++epoch) {
    const torch::Tensor order = epoch_order(100, options.seed, epoch);
    for (std::int64_t step = 0; step < 7; ++step) {
      const torch::Tensor items = order.slice(0, 16 * step, std::min<std::int64_t>(16 * (step + 1), 100));
      const Batch batch = gather_batch(train_set, items, lenet().preprocessing);
      const torch::Tensor logits = network->forward(batch.inputs, Dropout(options.seed, epoch, step));
      optimizer->zero_grad();
      at::nll_loss(at::log_softmax(logits, 1), batch.targets).backward();
      optimizer->step(learning_rate(options.schedule, epoch, 0, 1));
    }
  }
  const auto a = trained->parameters();
  const auto b = network->parameters();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i], b[i])) << i;
}

TEST(Loop, LimitBatchesBoundsTrainingAndTest) {
  Recorder recorder;
  TrainingOptions options = quick_options();
  options.limit_batches = 2;
  options.test_batch_size = 8;
  const TrainingResult result = train_with(*make_network(lenet(), 10, 1), options, &recorder);
  EXPECT_EQ(recorder.batches.size(), 4u);
  EXPECT_EQ(result.test.total, 16);
}

TEST(Loop, StopsBetweenTwoStepsWhenAsked) {
  Recorder recorder;
  const TrainingResult result =
      train_with(*make_network(lenet(), 10, 1), quick_options(), &recorder, /*stop_after=*/10);
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.epochs, 1);
  EXPECT_EQ(recorder.batches.size(), 9u);
}

TEST(Loop, StopsDuringAnEvaluationToo) {
  Recorder recorder;
  const auto network = make_network(lenet(), 10, 1);
  const TrainingResult result = train_with(*network, quick_options(), &recorder, /*stop_after=*/7);
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.epochs, 0);
  EXPECT_EQ(recorder.batches.size(), 7u);
  EXPECT_TRUE(recorder.epochs.empty());
}

TEST(Loop, EndsWhenItNoLongerGetsBetter) {
  Recorder recorder;
  TrainingOptions options = quick_options();
  options.epochs = 40;
  options.early_stop = 3;
  const TrainingResult result = train_with(*make_network(lenet(), 10, 1), options, &recorder);
  EXPECT_FALSE(result.stopped);
  EXPECT_LT(result.epochs, 40);
  EXPECT_EQ(result.epochs, result.best.epoch + 3);
  EXPECT_EQ(recorder.epochs.size(), static_cast<std::size_t>(result.epochs));
}

// The average of the weights by its formula; the evaluation and the final network use it.
TEST(Loop, EvaluatesTheAverageOfTheWeights) {
  TrainingOptions options = quick_options();
  options.epochs = 1;
  options.limit_batches = 4;
  struct Weights : TrainingObserver {
    void checkpoint(const TrainingState& state) override { states.push_back(state); }
    void epoch_done(const EpochReport& report) override { evaluated = report.network; }
    std::vector<TrainingState> states;
    NamedTensors evaluated;
  };
  const auto run = [&](double decay, Weights& weights, Network& network) {
    ResidentBatches train_set(easy_digits(100, 1), lenet().preprocessing);
    ResidentBatches test_set(easy_digits(50, 2), lenet().preprocessing);
    options.ema_decay = decay;
    return Trainer(network, train_set, test_set, options).run({&weights}, [] { return false; }, {.steps = 1});
  };
  Weights plain;
  Weights averaged;
  const auto network = make_network(lenet(), 10, 1);
  std::vector<torch::Tensor> expected;
  for (const auto& [name, value] : state_dict(*network)) expected.push_back(value.detach().clone().to(at::kDouble));
  run(0, plain, *make_network(lenet(), 10, 1));
  run(0.4, averaged, *network);
  ASSERT_EQ(plain.states.size(), 4u);
  for (std::size_t step = 1; step <= 4; ++step) {
    const auto count = static_cast<double>(step);
    const double decay = std::min(0.4, (1 + count) / (10 + count));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] = expected[i] * decay + plain.states[step - 1].network[i].second.to(at::kDouble) * (1 - decay);
    }
  }
  const NamedTensors at_the_end = state_dict(*network);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(at::allclose(averaged.evaluated[i].second.to(at::kDouble), expected[i], 1e-5, 1e-7));
    EXPECT_TRUE(at::equal(averaged.evaluated[i].second, at_the_end[i].second));
    // Training itself continues with the weights.
    EXPECT_TRUE(at::equal(averaged.states[3].network[i].second, plain.states[3].network[i].second));
  }
}

TEST(Loop, ALostLossEndsTheRunAsDiverged) {
  TrainingOptions options = quick_options();
  options.schedule.lr = 1e30;
  options.log_interval = 1;
  try {
    train_with(*make_network(lenet(), 10, 1), options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::diverged);
    EXPECT_EQ(error.hint(), "try a smaller --lr");
  }
}

TEST(Loop, LowPrecisionLearnsToo) {
  const auto network = make_network(lenet(), 10, 1);
  TrainingOptions options = quick_options();
  options.epochs = 6;
  options.compute.precision = Precision::bf16;
  EXPECT_EQ(train_with(*network, options).test.correct, 50);
  EXPECT_EQ(network->parameters()[0].scalar_type(), at::kFloat);
}

TEST(Schedule, IsOneCycleLR) {
  const auto expected = test::reference_numbers()["one_cycle"].get<std::vector<double>>();  // 4 epochs of 5 steps, 2.0
  const Schedule schedule = {.lr = 2, .kind = ScheduleKind::one_cycle, .epochs = 4};
  for (std::int64_t step = 0; step < 20; ++step) {
    EXPECT_NEAR(learning_rate(schedule, step / 5 + 1, step % 5, 5), expected[static_cast<std::size_t>(step)], 1e-9);
  }
}

TEST(Schedule, IsCosineAnnealingLRAfterALinearLR) {
  const auto expected = test::reference_numbers()["cosine"].get<std::vector<double>>();  // 4 epochs of 5 steps, 2.0
  const Schedule schedule = {.lr = 2, .kind = ScheduleKind::cosine, .epochs = 4, .warmup = 1};
  for (std::int64_t step = 0; step < 20; ++step) {
    EXPECT_NEAR(learning_rate(schedule, step / 5 + 1, step % 5, 5), expected[static_cast<std::size_t>(step)], 1e-6);
  }
}

TEST(Schedule, WarmsUpForAPartOfAnEpochToo) {
  const Schedule schedule = {.lr = 2, .gamma = 0.5, .step_size = 1, .warmup = 1.5};
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 1, 0, 4), 2.0 / 6);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 1, 3, 4), 2.0 * 4 / 6);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 2, 1, 4), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 3, 0, 4), 0.5);
  // Longer than the run: the rate only rises.
  const Schedule longer = {.lr = 1, .kind = ScheduleKind::cosine, .epochs = 1, .warmup = 2};
  EXPECT_DOUBLE_EQ(learning_rate(longer, 1, 3, 4), 0.5);
}

TEST(Schedule, IsStepLR) {
  const Schedule schedule = {1.0, 0.7, 2};
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 1, 0, 10), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 2, 9, 10), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 3, 0, 10), 0.7);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 5, 5, 10), 0.7 * 0.7);
  EXPECT_DOUBLE_EQ(learning_rate({0.5, 0.1, 0}, 100, 0, 10), 0.5);
}

// The mean loss of a batch.
torch::Tensor loss_of(Network& network, const Batch& batch, const Dropout& dropout, at::ScalarType type) {
  const c10::AutoGradMode no_grad(false);
  network.to(type);
  const torch::Tensor logits = network.forward(batch.inputs.to(type), dropout);
  network.to(at::kFloat);
  return at::nll_loss(at::log_softmax(logits, 1), batch.targets);
}

TEST(Evaluate, CountsThePartialBatchAndPutsTheModeBack) {
  const auto network = make_network(lenet(), 10, 1);
  const Dataset dataset = easy_digits(50, 2);
  const Batch all = gather_batch(dataset, at::arange(50), lenet().preprocessing);
  const torch::Tensor exact = loss_of(*network, all, Dropout::off(), at::kDouble);
  const torch::Tensor libtorch = loss_of(*network, all, Dropout::off(), at::kFloat);
  ResidentBatches batches(dataset, lenet().preprocessing);
  const Evaluation whole = evaluate(*network, batches, {.batch_size = 50});
  for (const std::int64_t batch_size : {50, 7}) {
    const Evaluation result = evaluate(*network, batches, {.batch_size = batch_size});
    EXPECT_EQ(result.total, 50);
    EXPECT_EQ(result.correct, whole.correct);
    EXPECT_TRUE(test::is_accurate(at::scalar_tensor(result.loss, at::kDouble), libtorch, exact,
                                  {test::kOtherOrder, test::rounding_error(50)}))
        << batch_size;
  }
  EXPECT_TRUE(network->is_training());
  EXPECT_FALSE(network->parameters()[0].grad().defined());
}

TEST(Evaluate, DropsNothing) {
  const Dataset dataset = easy_digits(20, 2);
  const Batch batch = gather_batch(dataset, at::arange(20), lenet().preprocessing);
  ResidentBatches batches(dataset, lenet().preprocessing);
  const auto network = make_network(model_info("cnn"), 10, 1);
  network->use_kernels(nullptr);
  const torch::Tensor exact = loss_of(*network, batch, Dropout::off(), at::kDouble);
  const torch::Tensor libtorch = loss_of(*network, batch, Dropout::off(), at::kFloat);
  const torch::Tensor dropped = loss_of(*network, batch, Dropout(1, 1, 0), at::kDouble);
  EXPECT_GT((dropped - exact).abs().item<double>(), 1e-4);
  for (const Kernels* kernels : usable_kernels()) {
    network->use_kernels(kernels);
    const Evaluation result = evaluate(*network, batches, {});
    EXPECT_TRUE(test::is_accurate(at::scalar_tensor(result.loss, at::kDouble), libtorch, exact,
                                  {test::kWinograd, test::rounding_error(20)}))
        << kernels->name;
  }
}

}  // namespace
}  // namespace mnist
