// Which run --resume continues, with which options, what is refused, and what it leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resume_run.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(ResumeRun, TakesTheNewestUnfinishedOneAndItsOptions) {
  EXPECT_EQ(run(command({"--resume"})).exit_code, 2) << "there is none";
  EXPECT_EQ(stopped(SIGTERM, {1, 40}, {"--lr", "0.02"}).exit_code, 143);
  EXPECT_EQ(stopped(SIGTERM, {1, 40}, {"--momentum", "0.9"}).exit_code, 143);
  Subprocess bare = program(MNIST_BINARY, {"train", "--resume"});
  bare.folder = folder_.path();
  const SubprocessResult result = run(bare);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, StartsWith("continues 'runs/lenet-2'"));
  EXPECT_THAT(result.out, HasSubstr("Train Epoch: 3 [198/200 "));
  Subprocess named = program(MNIST_BINARY, {"train", "--resume", "runs/lenet-1", "--epochs", "4"});
  named.folder = folder_.path();
  const SubprocessResult other = run(named);
  EXPECT_EQ(other.exit_code, 0) << other.err;
  EXPECT_THAT(other.out, HasSubstr("Train Epoch: 4 "));
  EXPECT_THAT(content_of(folder_ / "runs/lenet-1/metrics.csv"), HasSubstr("train,4,300,0.02,"));
  EXPECT_EQ(run(bare).exit_code, 2) << "all are finished";
}

TEST_F(ResumeRun, RefusesByNameWhatWouldMakeItAnotherRun) {
  ASSERT_EQ(stopped(SIGTERM, {1, 40}, {}).exit_code, 143);
  const SubprocessResult lr = run(command({"--resume", "runs/lenet-1", "--lr", "0.5"}));
  EXPECT_EQ(lr.exit_code, 2);
  EXPECT_THAT(lr.err, AllOf(HasSubstr("error: --lr 0.5 (the run has 0.01) cannot change in the run 'runs/lenet-1'"),
                            HasSubstr("hint: "), HasSubstr("--epochs")));
  EXPECT_THAT(run(command({"--resume", "runs/lenet-1", "--lr", "0.5", "--seed", "3"})).err,
              AllOf(HasSubstr("--lr 0.5 (the run has 0.01)"), HasSubstr(", --seed 3 (the run has 7)")));
  EXPECT_EQ(run(command({"--resume", "runs/lenet-1", "--epochs", "1", "--dry-run"})).exit_code, 2);
  EXPECT_EQ(run(command({"--run-dir", "cycle", "--schedule", "one-cycle", "--stop-after", "1ms"})).exit_code, 2);
  ASSERT_EQ(run(command({"--run-dir", "cycle", "--schedule", "one-cycle", "--stop-after", "0.001s"})).exit_code, 85);
  EXPECT_THAT(run(command({"--resume", "cycle", "--epochs", "9"})).err,
              HasSubstr("--epochs with --schedule one-cycle (its learning rates depend on it) cannot change"));
  // The same value, in another form, is no change.
  EXPECT_EQ(run(command({"--resume", "runs/lenet-1", "--lr", "0.010"})).exit_code, 0);
}

// It says what new runs use where they are not told; a run has its own.
TEST_F(ResumeRun, TheEnvironmentDoesNotChangeARun) {
  ASSERT_EQ(stopped(SIGTERM, {1, 40}, {}).exit_code, 143);
  Subprocess bare = program(MNIST_BINARY, {"train", "--resume"}, {{"MNIST_DATA_DIR", "nowhere"}});
  bare.folder = folder_.path();
  const SubprocessResult result = run(bare);
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(ResumeRun, ANameThatIsNotUtf8IsAskedForAgain) {
  const std::string name = "\xff.pt";
  ASSERT_EQ(stopped(SIGTERM, {1, 40}, {"--output", name}).exit_code, 143);
  const SubprocessResult bare = run(command({"--resume"}));
  EXPECT_EQ(bare.exit_code, 2);
  EXPECT_THAT(bare.err, HasSubstr("error: the run's --output is not UTF-8"));
  EXPECT_EQ(run(command({"--resume", "--output", name})).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / name));
}

TEST_F(ResumeRun, OtherDataAreRefused) {
  ASSERT_EQ(stopped(SIGTERM, {1, 40}, {}).exit_code, 143);
  std::filesystem::remove_all(folder_ / "data");
  write_small_mnist(folder_ / "data", 200, 40);
  const SubprocessResult result = run(command({"--resume", "runs/lenet-1"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("error: the data differ from those that the run started with"));
}

TEST_F(ResumeRun, AnotherThreadCountIsTold) {
  ASSERT_EQ(stopped(SIGTERM, {1, 40}, {"--threads", "2"}).exit_code, 143);
  const SubprocessResult result = run(command({"--resume", "runs/lenet-1", "--threads", "1"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("threads 1 instead of 2: its results are equal up to rounding, not bit for bit"));
}

TEST_F(ResumeRun, ACheckpointIsAModel) {
  ASSERT_EQ(run(command({"--epochs", "2"})).exit_code, 0);
  const std::string checkpoint = "runs/lenet-1/checkpoints/step-000000200.pt";
  const auto evaluate = [&](const std::string& model) {
    Subprocess process = program(MNIST_BINARY, {"evaluate", "--model", model, "--device", "cpu"});
    process.folder = folder_.path();
    return run(process);
  };
  EXPECT_EQ(evaluate(checkpoint).exit_code, 0);
  EXPECT_EQ(evaluate(checkpoint).out, evaluate("lenet.pt").out);
}

TEST_F(ResumeRun, KeepsAsManyAsAskedAndTheBest) {
  ASSERT_EQ(run(command({"--checkpoint-every", "20steps", "--keep", "2"})).exit_code, 0);
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "runs/lenet-1/checkpoints")) {
    count += entry.path().extension() == ".pt" ? 1 : 0;
  }
  EXPECT_THAT(count, ::testing::AnyOf(2u, 3u));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "runs/lenet-1/best.pt"));
}

TEST_F(ResumeRun, StopAfterLeavesWithTheCodeThatAsksForMore) {
  const SubprocessResult result = run(command({"--epochs", "100000", "--stop-after", "1s"}));
  EXPECT_EQ(result.exit_code, 85) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped by --stop-after"));
  EXPECT_EQ(run(command({"--epochs", "100000", "--stop-after", "1s", "--checkpoint-exit-code", "77"})).exit_code, 77);
  EXPECT_EQ(run(command({"--stop-after", "1"})).exit_code, 2);
  EXPECT_EQ(run(command({"--epochs", "1", "--stop-after", "500m"})).exit_code, 0);
  EXPECT_EQ(run(command({"--epochs", "1", "--stop-after", "9999999h"})).exit_code, 0) << "centuries";
  EXPECT_EQ(run(command({"--checkpoint-every", "0epochs"})).exit_code, 2);
}

TEST_F(ResumeRun, ASecondOwnerIsToldWhoTheFirstIs) {
  Subprocess first = command({"--epochs", "100000", "--run-dir", "runs/lenet-9", "--stop-after", "10min"});
  ASSERT_EQ(run(command({"--epochs", "100000", "--stop-after", "0.001s"})).exit_code, 85);
  SubprocessResult second;
  SubprocessResult third;
  bool tried = false;
  first.signal_when = [&](const std::string& out) {
    if (tried || out.find("Train Epoch: 2 ") == std::string::npos) return false;
    tried = true;
    second = run(command({"--run-dir", "runs/lenet-9", "--resume", "auto", "--epochs", "100000"}));
    third = run(command({"--resume", "--epochs", "100000", "--stop-after", "0.001s"}));
    return true;
  };
  first.signal = SIGTERM;
  EXPECT_EQ(run(first).exit_code, 143);
  EXPECT_EQ(second.exit_code, 3);
  EXPECT_THAT(second.err,
              AllOf(HasSubstr("error: run directory 'runs/lenet-9' is in use by process "), HasSubstr("hint: ")));
  EXPECT_THAT(third.err, HasSubstr("continues 'runs/lenet-1'")) << "which nobody works on";
}

// What --output names is never lost to a worse model.
TEST_F(ResumeRun, AModelThatIsBetterIsKept) {
  ASSERT_EQ(run(command({"--epochs", "2", "--output", "model.pt"})).exit_code, 0);
  const std::string better = content_of(folder_ / "model.pt");
  ASSERT_EQ(run(command({"--epochs", "1", "--output", "model.pt"})).exit_code, 0);
  EXPECT_TRUE(content_of(folder_ / "model.pt.bak") == better);
  ASSERT_EQ(run(command({"--epochs", "1", "--output", "model.pt", "--seed", "8", "--overwrite"})).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "model.pt.bak2"));

  write_file(folder_ / "notes.pt", "not ours");
  const SubprocessResult result = run(command({"--epochs", "1", "--output", "notes.pt"}));
  EXPECT_THAT(result.err, HasSubstr("the old 'notes.pt' is kept as 'notes.pt.bak': it is not a model of this program"));
  EXPECT_EQ(content_of(folder_ / "notes.pt.bak"), "not ours");
  EXPECT_EQ(run(command({"--epochs", "1", "--output", "new/folder/model.pt"})).exit_code, 0);
  EXPECT_EQ(run(command({"--epochs", "1", "--output", ""})).exit_code, 2);
}

// The file behind a link is what is replaced, and so what has to be kept.
TEST_F(ResumeRun, AModelBehindALinkIsKeptToo) {
  write_file(folder_ / "models" / "real.pt", "the old model");
  std::filesystem::create_symlink("models/real.pt", folder_ / "latest.pt");
  ASSERT_EQ(run(command({"--epochs", "1", "--output", "latest.pt"})).exit_code, 0);
  EXPECT_EQ(content_of(folder_ / "latest.pt.bak"), "the old model");
  EXPECT_NE(content_of(folder_ / "models" / "real.pt"), "the old model");
}

TEST_F(ResumeRun, AFinishedRunWithoutCheckpointsIsNotWrittenOver) {
  const std::vector<std::string> first = {"--epochs", "1", "--run-dir", "mine", "--resume", "auto"};
  ASSERT_EQ(run(command(first)).exit_code, 0);
  std::filesystem::remove_all(folder_ / "mine" / "checkpoints");
  const std::string metrics = content_of(folder_ / "mine" / "metrics.csv");
  EXPECT_EQ(run(command({"--epochs", "2", "--run-dir", "mine", "--resume", "auto"})).exit_code, 2);
  EXPECT_EQ(content_of(folder_ / "mine" / "metrics.csv"), metrics);
}

TEST_F(ResumeRun, WritesItsModelAgainWhereItIsNot) {
  const std::vector<std::string> first = {"--epochs", "1", "--run-dir", "mine", "--resume", "auto"};
  ASSERT_EQ(run(command(first)).exit_code, 0);
  const std::string model = content_of(folder_ / "lenet.pt");
  // Another place, where something else is.
  write_file(folder_ / "notes.pt", "not ours");
  std::vector<std::string> other = first;
  other.insert(other.end(), {"--output", "notes.pt"});
  EXPECT_EQ(run(command(other)).exit_code, 0);
  EXPECT_TRUE(content_of(folder_ / "notes.pt") == model);
  EXPECT_EQ(content_of(folder_ / "notes.pt.bak"), "not ours");
  std::filesystem::remove(folder_ / "lenet.pt");
  std::vector<std::string> back = first;
  back.insert(back.end(), {"--save-model", "lenet.pt"});
  EXPECT_EQ(run(command(back)).exit_code, 0) << "two names for one option";
  EXPECT_TRUE(content_of(folder_ / "lenet.pt") == model);
}

TEST_F(ResumeRun, KeepsAModelThatReplacedItsOwnAndTellsOfOneThatIsMissing) {
  const std::vector<std::string> quiet = {"--epochs", "1", "--run-dir", "mine", "--resume", "auto", "--quiet"};
  ASSERT_EQ(run(command(quiet)).exit_code, 0);
  const std::string model = content_of(folder_ / "lenet.pt");
  ASSERT_EQ(run(command({"--epochs", "1", "--run-dir", "other", "--seed", "8", "--overwrite"})).exit_code, 0);
  const std::string newer = content_of(folder_ / "lenet.pt");
  const SubprocessResult kept = run(command(quiet));
  EXPECT_EQ(kept.exit_code, 0);
  EXPECT_THAT(kept.err, HasSubstr("another model has replaced 'lenet.pt': that one is kept"));
  EXPECT_TRUE(content_of(folder_ / "lenet.pt") == newer);
  std::filesystem::remove(folder_ / "lenet.pt");
  const SubprocessResult again = run(command(quiet));
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("its model 'lenet.pt' is missing: it is written again"));
  EXPECT_TRUE(content_of(folder_ / "lenet.pt") == model);
}

TEST_F(ResumeRun, ConfigIsResolved) {
  ASSERT_EQ(run(command({"--epochs", "1", "--threads", "1"})).exit_code, 0);
  EXPECT_THAT(content_of(folder_ / "runs/lenet-1/config.toml"),
              AllOf(HasSubstr("\ndevice = \"cpu\"\n"), HasSubstr("\nthreads = 1\n"),
                    HasSubstr("\noutput = \"lenet.pt\"\n"), Not(HasSubstr("\"auto\"")), Not(HasSubstr("resume"))));
}

}  // namespace
}  // namespace mnist::test
