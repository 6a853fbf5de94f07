// train --tensorboard with the real binary: which runs have an event file, and what it says of their end.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// Protobuf's bytes of a status in the last event.
constexpr const char* kEnd = "_hparams_/session_end_info";
constexpr const char* kSuccess = "\x22\x0B\x08\x01";
constexpr const char* kFailure = "\x22\x0B\x08\x02";

class TrainTensorBoard : public ::testing::Test {
 protected:
  TrainTensorBoard() { write_small_mnist(folder_ / "data", 200, 50); }

  SubprocessResult train(const std::vector<std::string>& further) const {
    std::vector<std::string> arguments = {"train", "--quiet", "--epochs", "2", "--log-interval", "1"};
    arguments.insert(arguments.end(), further.begin(), further.end());
    Subprocess process = program(MNIST_BINARY, arguments, {{"MNIST_DEVICE", "cpu"}});
    process.folder = folder_.path();
    return run(process);
  }

  std::vector<std::filesystem::path> event_files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "run")) {
      if (entry.path().filename().string().starts_with("events.out.tfevents.")) files.push_back(entry.path());
      EXPECT_NE(entry.path().extension(), ".tmp");
    }
    std::ranges::sort(files);
    return files;
  }

  TemporaryFolder folder_;
};

TEST_F(TrainTensorBoard, AFinishedRunHasFiguresPicturesOptionsAndSuccess) {
  write_file(folder_ / "run.toml", "[train]\ntensorboard = true\narch = \"lenet\"\n");
  ASSERT_EQ(train({"--run-dir", "run", "--config", "run.toml"}).exit_code, 0);
  ASSERT_THAT(event_files(), SizeIs(1));
  const std::string events = content_of(event_files().front());
  EXPECT_THAT(events, AllOf(HasSubstr("train/loss"), HasSubstr("test/accuracy"), HasSubstr("test/confusion"),
                            HasSubstr("batch-size"), Not(HasSubstr("checkpoint-every"))));
  EXPECT_THAT(events.substr(events.rfind(kEnd)), HasSubstr(kSuccess));
  // More epochs: a second file, and the first one stays.
  ASSERT_EQ(train({"--resume", "run", "--epochs", "3"}).exit_code, 0);
  ASSERT_THAT(event_files(), SizeIs(2));
  EXPECT_EQ(content_of(event_files().front()), events);
}

TEST_F(TrainTensorBoard, ADivergedRunHasFailed) {
  ASSERT_EQ(train({"--run-dir", "run", "--tensorboard", "--optimizer", "sgd", "--lr", "100000"}).exit_code, 5);
  ASSERT_THAT(event_files(), SizeIs(1));
  const std::string events = content_of(event_files().front());
  ASSERT_THAT(events, HasSubstr(kEnd));
  EXPECT_THAT(events.substr(events.rfind(kEnd)), HasSubstr(kFailure));
}

TEST_F(TrainTensorBoard, IsForRunsThatAskForIt) {
  const SubprocessResult dry = train({"--run-dir", "run", "--tensorboard", "--dry-run"});
  EXPECT_EQ(dry.exit_code, 0);
  EXPECT_THAT(dry.err, HasSubstr("warning: --tensorboard has no effect: a dry run writes no event file\n"));
  EXPECT_THAT(event_files(), IsEmpty());
  std::filesystem::remove_all(folder_ / "run");
  const SubprocessResult usual = train({"--arch", "lenet", "--run-dir", "run", "--tensorboard=false"});
  EXPECT_EQ(usual.exit_code, 0);
  EXPECT_THAT(usual.err, Not(HasSubstr("effect")));
  EXPECT_THAT(event_files(), IsEmpty());
  // A resumed run may begin to write one.
  EXPECT_EQ(train({"--resume", "run", "--epochs", "3", "--tensorboard"}).exit_code, 0);
  EXPECT_THAT(event_files(), SizeIs(1));
}

}  // namespace
}  // namespace mnist::test
