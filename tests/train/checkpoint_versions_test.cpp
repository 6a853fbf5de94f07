// Old checkpoints stay readable: one fixture per format version.
#include <cstdlib>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/train/checkpoint.hpp"

#include "support/temporary_folder.hpp"
#include "train/same_tensors.hpp"

namespace mnist {
namespace {

using test::content_of;
using test::expect_same;
using test::fixture;

at::Tensor numbers(at::IntArrayRef shape, double first) {
  return (at::arange(c10::multiply_integers(shape), at::kFloat) / 8 + first).reshape(shape);
}

// A small network, trained by Adam, before the evaluation of its third epoch.
TrainingState version_1_state() {
  TrainingState state;
  state.epoch = 3;
  state.step = 5;
  state.evaluating = true;
  state.all_steps = 15;
  state.network = {{"conv.weight", numbers({2, 1, 3, 3}, -1)},
                   {"bn.running_mean", numbers({2}, 100)},
                   {"bn.num_batches_tracked", at::scalar_tensor(15, at::kLong)},
                   {"fc.weight", numbers({3, 2}, 0.1)},
                   {"fc.bias", at::tensor({-0.5F, 1e-40F, 3e38F})}};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& [name, parameter] = state.network[i == 0 ? 0 : i + 2];
    const auto first = static_cast<double>(i);
    state.optimizer.emplace_back(std::to_string(i) + ".exp_avg", numbers(parameter.sizes(), first));
    state.optimizer.emplace_back(std::to_string(i) + ".exp_avg_sq", numbers(parameter.sizes(), first + 0.5));
  }
  state.losses = at::tensor({2.25F, 1.5F, 1.0F, 0.75F, 0.7F});
  state.correct = at::tensor({3.F, 5.F, 8.F, 8.F, 9.F});
  state.test = {.loss = 0.1 + 0.2, .correct = 17, .total = 20};
  state.best = {1, {.loss = 1.0 / 3, .correct = 18, .total = 20}, state.network};
  state.best.network[0].second = numbers({2, 1, 3, 3}, 2);
  state.best.network[2].second = at::scalar_tensor(5, at::kLong);
  state.epoch_seconds = 0.7;
  state.seconds = 1e-3 / 7;
  return state;
}

Checkpoint version_1() {
  Checkpoint checkpoint{.state = version_1_state()};
  checkpoint.recipe.arch = "cnn";
  checkpoint.recipe.class_names = {"zero", "one", "\"two\" \xc3\xa9"};
  checkpoint.recipe.preprocessing = {Preprocessing::Kind::photo, 3, 224, 224, 256, {0.485, 0.456, 0.406},
                                     {0.229, 0.224, 0.225}};
  checkpoint.recipe.training = {"photos", 2, 42, 0, 0.25, 17, 20, "mnist 0.1.0"};
  checkpoint.identity = {.config = "[train]\noptimizer = \"adam\"\nlr = 0.001\n",
                         .data = "6f3c",
                         .libtorch = "2.12.1",
                         .build = "bd8ccde",
                         .cpu = "a processor",
                         .device = "cuda:0 (a GPU)",
                         .precision = "bf16",
                         .kernels = "avx2",
                         .threads = 2};
  checkpoint.file_sizes = {{"log.txt", 0}, {"metrics.csv", 120}, {"metrics.jsonl", std::uint64_t{1} << 40}};
  return checkpoint;
}

void expect_same(const Evaluation& one, const Evaluation& other) {
  EXPECT_EQ(one.loss, other.loss) << "not bit for bit";
  EXPECT_EQ(one.correct, other.correct);
  EXPECT_EQ(one.total, other.total);
}

void expect_same(const TrainingState& one, const TrainingState& other) {
  EXPECT_EQ(one.epoch, other.epoch);
  EXPECT_EQ(one.step, other.step);
  EXPECT_EQ(one.evaluating, other.evaluating);
  EXPECT_EQ(one.all_steps, other.all_steps);
  expect_same(one.network, other.network);
  expect_same(one.optimizer, other.optimizer);
  expect_same({{"losses", one.losses}, {"correct", one.correct}},
              {{"losses", other.losses}, {"correct", other.correct}});
  expect_same(one.test, other.test);
  EXPECT_EQ(one.best.epoch, other.best.epoch);
  expect_same(one.best.test, other.best.test);
  expect_same(one.best.network, other.best.network);
  EXPECT_EQ(one.epoch_seconds, other.epoch_seconds);
  EXPECT_EQ(one.seconds, other.seconds);
}

// The same checkpoint, written after the introduction of several processes.
Checkpoint version_1_with_ranks() {
  Checkpoint checkpoint = version_1();
  checkpoint.identity.ranks = 4;
  return checkpoint;
}

void expect_read(const char* name, const Checkpoint& written) {
  const Checkpoint read = read_checkpoint(fixture(name));
  expect_same(read.state, written.state);
  EXPECT_EQ(read.recipe, written.recipe);
  EXPECT_EQ(read.identity, written.identity);
  EXPECT_EQ(read.file_sizes, written.file_sizes);
}

TEST(CheckpointVersion1, IsReadAsItWasWritten) {
  expect_read("checkpoints/version_1.pt", version_1());
  expect_read("checkpoints/version_1_ranks.pt", version_1_with_ranks());
  expect_read("checkpoints/version_1_no_curves.pt", version_1_with_ranks());
}

// The newest fixture was written by this test, with
// MNIST_WRITE_CHECKPOINT=tests/fixtures/checkpoints/version_1_no_curves.pt. Never rewrite a fixture. If this test
// fails, the format has changed. If that is intended, keep the old fixtures, add a new one and a line in the test
// above, and use the new fixture here.
TEST(CheckpointVersion1, IsWhatIsWritten) {
  const test::TemporaryFolder folder;
  const char* const wanted = std::getenv("MNIST_WRITE_CHECKPOINT");
  const std::filesystem::path path = wanted != nullptr ? wanted : folder / "x.pt";
  write_checkpoint(path, version_1_with_ranks());
  EXPECT_TRUE(content_of(path) == content_of(fixture("checkpoints/version_1_no_curves.pt")));
}

}  // namespace
}  // namespace mnist
