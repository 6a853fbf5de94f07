// Checkpoint files: reading returns what was written, one wrong bit is rejected, and a checkpoint can be read as a
// model.
#include "mnist/train/checkpoint.hpp"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/format/model_file.hpp"

#include "support/hashed.hpp"
#include "support/temporary_folder.hpp"
#include "train/same_tensors.hpp"

namespace mnist {
namespace {

using test::expect_same;
using ::testing::HasSubstr;

Checkpoint example() {
  Checkpoint checkpoint;
  TrainingState& state = checkpoint.state;
  state.epoch = 3;
  state.step = 2;
  state.all_steps = 22;
  state.network = {{"fc.weight", test::hashed_uniform({2, 3}, 1, 1.0)}, {"fc.bias", test::hashed_uniform({2}, 2, 1.0)}};
  state.optimizer = {{"0.momentum_buffer", test::hashed_uniform({2, 3}, 3, 1.0)}};
  state.losses = at::tensor({0.1f, 0.3f});
  state.correct = at::tensor({7.f, 8.f});
  state.test = {.loss = 0.1 + 0.2, .correct = 5, .total = 9};
  state.best = {1, {.loss = 1.0 / 3, .correct = 6, .total = 9}, state.network};
  state.epoch_seconds = 0.7;
  state.seconds = 1e-3 / 7;
  checkpoint.recipe.arch = "lenet";
  checkpoint.recipe.class_names = {"a", "b"};
  checkpoint.recipe.preprocessing = {Preprocessing::Kind::digit, 1, 28, 28, 0, {0.5}, {0.5}};
  checkpoint.identity = {.config = "[train]\nlr = 1\n",
                         .data = "abc",
                         .libtorch = "2.12.1",
                         .build = "abc1",
                         .cpu = "a processor",
                         .device = "cpu",
                         .precision = "fp32",
                         .kernels = "avx2",
                         .threads = 2};
  checkpoint.file_sizes = {{"metrics.csv", 120}, {"log.txt", 0}};
  return checkpoint;
}

TEST(Checkpoint, ComesBackAsItWas) {
  const test::TemporaryFolder folder;
  const Checkpoint mine = example();
  write_checkpoint(folder / "x.pt", mine);
  const Checkpoint read = read_checkpoint(folder / "x.pt");
  EXPECT_EQ(read.state.epoch, 3);
  EXPECT_EQ(read.state.step, 2);
  EXPECT_EQ(read.state.all_steps, 22);
  EXPECT_EQ(read.state.test.loss, mine.state.test.loss) << "not bit for bit";
  EXPECT_EQ(read.state.best.epoch, 1);
  EXPECT_EQ(read.state.best.test.loss, mine.state.best.test.loss);
  EXPECT_EQ(read.state.seconds, mine.state.seconds);
  EXPECT_EQ(read.state.epoch_seconds, mine.state.epoch_seconds);
  EXPECT_EQ(read.identity, mine.identity);
  EXPECT_EQ(read.file_sizes, mine.file_sizes);
  EXPECT_EQ(read.recipe, mine.recipe);
  expect_same(read.state.network, mine.state.network);
  expect_same(read.state.optimizer, mine.state.optimizer);
  expect_same(read.state.best.network, mine.state.best.network);
  EXPECT_TRUE(at::equal(read.state.losses, mine.state.losses));
  EXPECT_TRUE(at::equal(read.state.correct, mine.state.correct));
}

TEST(Checkpoint, IsAModel) {
  const test::TemporaryFolder folder;
  write_checkpoint(folder / "x.pt", example());
  const ModelFile model = read_model_file(folder / "x.pt");
  expect_same(model.state, example().state.network);
  EXPECT_EQ(model.recipe, example().recipe);
}

TEST(Checkpoint, AModelIsNone) {
  const test::TemporaryFolder folder;
  write_model_file(folder / "x.pt", example().state.network, example().recipe);
  try {
    read_checkpoint(folder / "x.pt");
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("is a model file, not a checkpoint"));
  }
}

TEST(Checkpoint, StoresOnceWhatIsTheSame) {
  const test::TemporaryFolder folder;
  Checkpoint checkpoint = example();
  checkpoint.state.network[0].second = test::hashed_uniform({100, 100}, 1, 1.0);
  checkpoint.state.best.network = checkpoint.state.network;
  write_checkpoint(folder / "shared.pt", checkpoint);
  checkpoint.state.best.network[0].second = checkpoint.state.network[0].second.clone();
  write_checkpoint(folder / "apart.pt", checkpoint);
  EXPECT_LT(std::filesystem::file_size(folder / "shared.pt") + 40'000, std::filesystem::file_size(folder / "apart.pt"));
  expect_same(read_checkpoint(folder / "shared.pt").state.best.network, checkpoint.state.best.network);
}

// The SHA-256 covers every bit of the file, except the digest itself.
TEST(Checkpoint, OneWrongBitIsRefused) {
  const test::TemporaryFolder folder;
  write_checkpoint(folder / "x.pt", example());
  const std::string bytes = test::content_of(folder / "x.pt");
  for (std::size_t i = 0; i < 400; ++i) {
    std::string flipped = bytes;
    const std::size_t bit = i * (bytes.size() * 8 - 1) / 399;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    test::write_file(folder / "flipped.pt", flipped);
    EXPECT_THROW(read_checkpoint(folder / "flipped.pt"), Error) << "bit " << bit;
  }
  for (const std::size_t size : {bytes.size() - 1, bytes.size() - 64, bytes.size() - 71, bytes.size() / 2}) {
    test::write_file(folder / "short.pt", bytes.substr(0, size));
    EXPECT_THROW(read_checkpoint(folder / "short.pt"), Error) << size;
  }
  test::write_file(folder / "long.pt", bytes + "x");
  EXPECT_THROW(read_checkpoint(folder / "long.pt"), Error);
}

TEST(Checkpoint, OneThatContradictsItselfIsRefused) {
  const test::TemporaryFolder folder;
  Checkpoint checkpoint = example();
  checkpoint.state.step = 5;  // with the losses of two
  write_checkpoint(folder / "x.pt", checkpoint);
  EXPECT_THROW(read_checkpoint(folder / "x.pt"), Error);
  checkpoint = example();
  checkpoint.state.best.epoch = 7;  // of two finished ones
  write_checkpoint(folder / "x.pt", checkpoint);
  EXPECT_THROW(read_checkpoint(folder / "x.pt"), Error);
}

}  // namespace
}  // namespace mnist
