// The folder of checkpoints: which are kept, which is taken, and that nobody's other files are touched.
#include "mnist/report/checkpoints.hpp"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Of a run with 10 steps an epoch, after `steps` of them; its best epoch so far is `best`.
Checkpoint after(std::int64_t steps, std::int64_t best) {
  Checkpoint checkpoint;
  TrainingState& state = checkpoint.state;
  state.epoch = steps / 10 + 1;
  state.step = steps % 10;
  state.all_steps = steps;
  state.network = {{"fc.bias", at::full({2}, static_cast<double>(steps))}};
  state.losses = state.correct = at::zeros({state.step});
  state.best.epoch = best;
  if (best > 0) state.best.network = state.network;
  checkpoint.recipe.arch = "lenet";
  checkpoint.recipe.class_names = {"a", "b"};
  checkpoint.recipe.preprocessing = {Preprocessing::Kind::digit, 1, 28, 28, 0, {0.5}, {0.5}};
  return checkpoint;
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const std::filesystem::path& file : checkpoint_files(folder)) names.push_back(file.filename().string());
  return names;
}

TEST(Checkpoints, KeepTheNewestAndThatOfTheBestEpoch) {
  const test::TemporaryFolder folder;
  for (const std::int64_t steps : {5, 10, 15, 20, 25, 30, 35}) {
    // The first epoch's accuracy is beaten by none after it.
    keep_checkpoint(folder.path(), after(steps, steps >= 10 ? 1 : 0), 2);
  }
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-000000035.pt", "step-000000030.pt", "step-000000010.pt"));
  keep_checkpoint(folder.path(), after(40, 4), 2);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-000000040.pt", "step-000000035.pt"));
}

TEST(Checkpoints, LeaveOtherFilesAlone) {
  const test::TemporaryFolder folder;
  for (const char* name : {"step-good.pt", "step-.pt", "notes.txt", "step-000000001.pt.bak"}) {
    test::write_file(folder / name, "mine");
  }
  for (const std::int64_t steps : {10, 20, 30}) keep_checkpoint(folder.path(), after(steps, 0), 1);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-000000030.pt"));
  for (const char* name : {"step-good.pt", "step-.pt", "notes.txt", "step-000000001.pt.bak"}) {
    EXPECT_EQ(test::content_of(folder / name), "mine") << name;
  }
}

TEST(Checkpoints, ADamagedOneIsToldAndTheOneBeforeTaken) {
  const test::TemporaryFolder folder;
  for (const std::int64_t steps : {10, 20, 30}) keep_checkpoint(folder.path(), after(steps, 0), 3);
  std::string bytes = test::content_of(folder / "step-000000030.pt");
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  test::write_file(folder / "step-000000030.pt", bytes);
  std::vector<std::string> told;
  const auto found = newest_checkpoint(folder.path(), [&](const std::string& what) { told.push_back(what); });
  ASSERT_TRUE(found);
  EXPECT_EQ(found->file, folder / "step-000000020.pt");
  EXPECT_EQ(found->checkpoint.state.all_steps, 20);
  EXPECT_THAT(told, ElementsAre(HasSubstr("step-000000030.pt")));
  // What could not be read may be readable again: it stays.
  keep_checkpoint(folder.path(), after(21, 0), 1);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-000000030.pt", "step-000000021.pt"));
}

TEST(Checkpoints, AreNoneInAFolderThatIsNotThere) {
  const test::TemporaryFolder folder;
  const auto none = [](const std::string& what) { FAIL() << what; };
  EXPECT_FALSE(newest_checkpoint(folder / "nowhere", none));
}

}  // namespace
}  // namespace mnist
