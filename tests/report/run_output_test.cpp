// What a run leaves behind while its disk is full, and when its folder is gone for a while: no epoch is lost for it,
// and all is there in the end.
#include "mnist/report/run_output.hpp"

#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "mnist/core/error.hpp"

#include "support/faulty_files.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::content_of;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::int64_t kSteps = 10;  // an epoch

Recipe recipe() {
  Recipe recipe;
  recipe.arch = "lenet";
  recipe.class_names = {"a", "b"};
  recipe.preprocessing = {Preprocessing::Kind::digit, 1, 28, 28, 0, {0.5}, {0.5}};
  return recipe;
}

NamedTensors weights(std::int64_t epoch) {
  return {{"fc.bias", at::full({2}, static_cast<double>(epoch))}};
}

// A run whose first epoch is its best.
class RunOutputTest : public ::testing::Test {
 protected:
  RunOutputTest() { directory_.begin({.command_line = "mnist train"}); }

  void open() {
    RunOutputOptions options;
    options.recipe = recipe();
    options.keep = 1;
    options.print = [](const std::string& /*text*/) {};
    output_.emplace(std::move(options), &directory_, nullptr, log_, disk_);
  }

  // All that a training loop tells of an epoch.
  void train(std::int64_t epoch) {
    EpochReport report;
    report.train = {.epoch = epoch, .epochs = 3, .total = 20, .batch_losses = {0.5F}, .batch_accuracies = {0.5F}};
    report.test = {.loss = 0.5, .correct = 9, .total = 10};
    report.best = epoch == 1;
    report.network = weights(epoch);
    output_->epoch_done(report);
    TrainingState state;
    state.epoch = epoch + 1;
    state.all_steps = epoch * kSteps;
    state.network = weights(epoch);
    state.losses = state.correct = at::zeros({0});
    state.best.epoch = 1;
    state.best.network = weights(1);
    output_->checkpoint(state);
  }

  // The epoch that the weights in the file are of.
  std::int64_t epoch_in(const std::string& name) {
    const ModelFile model = read_model_file(run_ / name);
    EXPECT_EQ(model.recipe.value().training.epochs, static_cast<std::int64_t>(model.state[0].second[0].item<float>()));
    return model.recipe.value().training.epochs;
  }

  std::vector<std::string> checkpoints() {
    std::vector<std::string> names;
    for (const auto& file : checkpoint_files(run_ / "checkpoints")) names.push_back(file.filename().string());
    return names;
  }

  std::vector<std::string> epochs_in_metrics() {
    std::vector<std::string> epochs;
    std::istringstream lines(content_of(run_ / "metrics.csv"));
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) epochs.push_back(line.substr(0, 6));
    return epochs;
  }

  void expect_no_temporary_files() {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(run_)) {
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
    }
  }

  test::TemporaryFolder folder_;
  const std::filesystem::path run_ = folder_ / "run";
  std::ostringstream logged_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(logged_)};
  test::FullDisk disk_;
  RunDirectory directory_ = RunDirectory::at(run_, "mnist train");
  std::optional<RunOutput> output_;
};

TEST_F(RunOutputTest, AFullDiskCostsAnEpochsFilesAndTheNextHasThem) {
  open();
  disk_.fill(run_ / "metrics.csv");
  disk_.fill(run_ / "last.pt");
  disk_.fill(run_ / "best.pt");
  disk_.fill(run_ / "checkpoints");
  train(1);
  disk_.wait_for_failure(run_ / "checkpoints");  // the last thing that an epoch writes
  EXPECT_THAT(checkpoints(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(run_ / "last.pt"));
  disk_.make_room();
  train(2);
  output_->finish();

  EXPECT_EQ(epoch_in("last.pt"), 2);
  EXPECT_EQ(epoch_in("best.pt"), 1) << "no later epoch writes it: what failed is tried again at the end";
  EXPECT_THAT(checkpoints(), ElementsAre("step-000000020.pt"));
  EXPECT_EQ(output_->last_checkpoint(), run_ / "checkpoints" / "step-000000020.pt");
  EXPECT_THAT(epochs_in_metrics(), ElementsAre("test,1", "test,2"));
  for (const char* file : {"last.pt", "best.pt", "step-000000010.pt"}) {
    EXPECT_THAT(logged_.str(), ContainsRegex(std::string("warning\\] cannot [a-z]+ '[^\n]*") + file +
                                             "': No space left on device; the run continues and tries again later\n"));
  }
  expect_no_temporary_files();
}

TEST_F(RunOutputTest, OneFileThatCannotBeWrittenKeepsNoOtherBack) {
  open();
  disk_.fill(run_ / "best.pt");
  train(1);
  output_->finish();
  train(2);
  output_->finish();
  EXPECT_EQ(epoch_in("last.pt"), 2);
  EXPECT_THAT(checkpoints(), ElementsAre("step-000000020.pt", "step-000000010.pt")) << "the newest and the best";
  EXPECT_THAT(epochs_in_metrics(), ElementsAre("test,1", "test,2"));
  EXPECT_FALSE(std::filesystem::exists(run_ / "best.pt"));
  EXPECT_THAT(logged_.str(), Not(HasSubstr("last.pt")));
}

TEST_F(RunOutputTest, TheCheckpointBeforeOutlivesOneThatCannotBeWritten) {
  open();
  train(1);
  train(2);
  output_->finish();
  const std::vector<std::string> before = checkpoints();
  disk_.fill(run_ / "checkpoints");
  train(3);
  output_->finish();
  EXPECT_EQ(checkpoints(), before);
  EXPECT_THAT(output_->last_checkpoint().string(), IsEmpty()) << "there is none of the last state";
  EXPECT_EQ(epoch_in("last.pt"), 3);
}

TEST_F(RunOutputTest, ADiskThatStaysFullIsToldAndEndsNothing) {
  open();
  disk_.fill(run_);
  train(1);
  train(2);
  EXPECT_NO_THROW(output_->finish());
  EXPECT_THAT(output_->last_checkpoint().string(), IsEmpty());
  EXPECT_THAT(checkpoints(), IsEmpty());
  EXPECT_THAT(logged_.str(), AllOf(HasSubstr("metrics.csv': the last "), HasSubstr("step-000000020.pt'")));
  expect_no_temporary_files();
}

TEST_F(RunOutputTest, ARunDirectoryThatWasRemovedIsMadeAgain) {
  open();
  train(1);
  output_->finish();
  std::filesystem::remove_all(run_);
  train(2);
  output_->finish();
  train(3);
  output_->finish();
  EXPECT_THROW(RunDirectory::existing(run_, "mnist train"), Error) << "nothing keeps a second process away";
  EXPECT_TRUE(read_summary(run_)) << "no manifest: nobody finds the run";
  EXPECT_EQ(epoch_in("last.pt"), 3);
  EXPECT_THAT(checkpoints(), ElementsAre("step-000000030.pt"));
  EXPECT_THAT(epochs_in_metrics(), ElementsAre("test,2", "test,3"));
  EXPECT_THAT(content_of(run_ / "log.txt"), AllOf(HasSubstr(" warning this log was removed or moved"),
                                                  Not(HasSubstr("Epoch: 2")), HasSubstr("metrics.csv")));
}

TEST_F(RunOutputTest, ARunDirectoryThatAnotherRunHasTakenIsLeftToIt) {
  open();
  train(1);
  output_->finish();
  std::filesystem::remove_all(run_);
  const RunDirectory other = RunDirectory::at(run_, "mnist train");
  train(2);
  output_->finish();
  for (const char* name : {"last.pt", "checkpoints", "log.txt", "manifest.json"}) {
    EXPECT_FALSE(std::filesystem::exists(run_ / name)) << name;
  }
  EXPECT_THAT(logged_.str(), HasSubstr("is in use by process"));
}

}  // namespace
}  // namespace mnist
