// The model of a run whose --output cannot be written in the end: it goes to another place, and the run can be
// continued.
#include "output_model.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"

#include "support/faulty_files.hpp"
#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::cli {
namespace {

using test::content_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class OutputModel : public ::testing::Test {
 protected:
  OutputModel() {
    for (const char* name : {"models", "run", "tmp"}) std::filesystem::create_directory(folder_ / name);
    recipe_.arch = "lenet";
    recipe_.class_names = {"a", "b"};
    recipe_.preprocessing = {Preprocessing::Kind::digit, 1, 28, 28, 0, {0.5}, {0.5}};
    recipe_.training.epochs = 3;
    if (const char* const former = std::getenv("TMPDIR")) former_ = former;
    ::setenv("TMPDIR", (folder_ / "tmp").c_str(), 1);
  }
  ~OutputModel() override {
    if (former_) ::setenv("TMPDIR", former_->c_str(), 1);
    if (!former_) ::unsetenv("TMPDIR");
  }

  // What is thrown; fails the test where nothing is.
  Error save(FileSystem& files) {
    try {
      save_output(model_, {{"fc.bias", at::ones({2})}}, recipe_, PickleLayout::state_dict, /*overwrite=*/false,
                  folder_ / "run", log_, files);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "was written";
    return data_error("", "");
  }

  void expect_saved_in(const Error& error, const std::filesystem::path& place) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(error.what(), "the model could not be written to " + quoted(model_) + "; it is in " + quoted(place));
    EXPECT_EQ(read_model_file(place).recipe, recipe_);
  }

  TemporaryFolder folder_;
  const std::filesystem::path model_ = folder_ / "models" / "model.pt";
  Recipe recipe_;
  std::optional<std::string> former_;
  std::ostringstream logged_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::ostream_sink_st>(logged_)};
};

TEST_F(OutputModel, IsInTheRunDirectoryIfItsPlaceHasNoRoom) {
  test::write_file(model_, "the old one");
  test::FullDisk disk;
  disk.fill(folder_ / "models");
  expect_saved_in(save(disk), folder_ / "run" / "model.pt");
  EXPECT_THAT(logged_.str(), HasSubstr("cannot write " + quoted(model_) + ": No space left on device"));
  EXPECT_EQ(content_of(model_), "the old one");
  // Nothing in the other place is written over.
  expect_saved_in(save(disk), folder_ / "run" / "model2.pt");
}

TEST_F(OutputModel, IsAmongTheTemporaryFilesIfTheRunDirectoryHasNoRoomEither) {
  test::FullDisk disk;
  disk.fill(folder_ / "models");
  disk.fill(folder_ / "run");
  expect_saved_in(save(disk), folder_ / "tmp" / "model.pt");
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "models"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "run"));
}

TEST_F(OutputModel, IsNowhereIfNoPlaceHasRoomAndTheHintIsToContinue) {
  test::FullDisk disk;
  disk.fill(folder_.path());
  const Error error = save(disk);
  EXPECT_EQ(error.kind(), ErrorKind::data);
  EXPECT_EQ(error.what(), "the model could not be written to " + quoted(model_) + ", nor anywhere else");
  EXPECT_THAT(error.hint(), HasSubstr("--resume"));
}

// Whichever call it is that fails: until the rename is done the model is nowhere, after it at its place.
TEST_F(OutputModel, IsWholeInOnePlaceWhicheverCallFails) {
  test::FaultyFiles counted;
  save_output(model_, {{"fc.bias", at::ones({2})}}, recipe_, PickleLayout::state_dict, false, folder_ / "run", log_,
              counted);
  const auto calls = static_cast<int>(counted.calls().size());
  ASSERT_GE(calls, 6);
  for (int call = 0; call < calls; ++call) {
    const std::string name = counted.calls()[static_cast<std::size_t>(call)];
    SCOPED_TRACE(std::to_string(call) + ": " + name);
    std::filesystem::remove(model_);
    std::filesystem::remove(folder_ / "run" / "model.pt");
    test::FaultyFiles files(call, 1, EIO);
    try {
      save_output(model_, {{"fc.bias", at::ones({2})}}, recipe_, PickleLayout::state_dict, false, folder_ / "run", log_,
                  files);
      EXPECT_EQ(name, "close") << "nobody was told";
      EXPECT_EQ(read_model_file(model_).recipe, recipe_);
    } catch (const Error& error) {
      expect_saved_in(error, folder_ / "run" / "model.pt");
    }
    EXPECT_TRUE(files.all_closed());
  }
}

// The folder of --output goes while the run is at work.
TEST(OutputModelOfARun, IsWrittenByResumeAfterItWentToTheRunDirectory) {
  const TemporaryFolder folder;
  test::write_small_mnist(folder / "data", 200, 50);
  test::Subprocess train =
      test::program(MNIST_BINARY, {"train", "--arch", "lenet", "--device", "cpu", "--epochs", "3", "--log-interval",
                                   "1", "--batch-size", "2", "--run-dir", "mine", "--output", "models/model.pt"});
  train.folder = folder.path();
  // The run waits for its reader, who has not got its last lines yet.
  train.signal_when = [&](const std::string& out) {
    if (out.find("Epoch: 1 [60/") != std::string::npos) std::filesystem::remove_all(folder / "models");
    return false;
  };
  const test::SubprocessResult first = test::run(train);
  EXPECT_EQ(first.exit_code, static_cast<int>(ErrorKind::data));
  EXPECT_THAT(first.err, HasSubstr("could not be written to 'models/model.pt'; it is in 'mine/model.pt'"));
  const std::string rescued = content_of(folder / "mine" / "model.pt");

  test::Subprocess resume = test::program(MNIST_BINARY, {"train", "--resume", "mine"});
  resume.folder = folder.path();
  const test::SubprocessResult second = test::run(resume);
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(second.out, AllOf(HasSubstr("Saved model: models/model.pt"), Not(HasSubstr("Train Epoch"))));
  EXPECT_TRUE(content_of(folder / "models" / "model.pt") == rescued);
  EXPECT_THAT(content_of(folder / "mine" / "manifest.json"), HasSubstr("\"outcome\": \"finished\""));
}

}  // namespace
}  // namespace mnist::cli
