#include "mnist/core/background.hpp"

#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mnist {
namespace {

using ::testing::ElementsAre;

// Blocks the thread until it is released.
class Gate {
 public:
  void close(Background& background) {
    std::promise<void> begun;
    background.post("gate", [this, &begun] {
      begun.set_value();
      opened_.get_future().wait();
    });
    begun.get_future().wait();
  }
  void open() { opened_.set_value(); }

 private:
  std::promise<void> opened_;
};

TEST(Background, JobsAreDoneInTheirOrderAndFinishWaitsForThem) {
  Background background(true);
  std::vector<int> done;
  for (int job = 0; job < 3; ++job) background.post(std::to_string(job), [&, job] { done.push_back(job); });
  background.finish();
  EXPECT_THAT(done, ElementsAre(0, 1, 2));
  background.finish();
}

TEST(Background, ANewerJobTakesThePlaceOfAnOlderOneThatHasNotBegun) {
  Background background(true);
  Gate gate;
  std::vector<std::string> done;
  gate.close(background);
  for (const std::string job : {"last 1", "best 1", "last 2", "last 3"}) {
    background.post(job.substr(0, 4), [&, job] { done.push_back(job); });
  }
  gate.open();
  background.finish();
  EXPECT_THAT(done, ElementsAre("last 3", "best 1"));
}

TEST(Background, AFailureIsToldOnceAndStopsNothing) {
  Background background(true);
  bool done = false;
  background.post("fails", [] { throw std::runtime_error("disk full"); });
  EXPECT_THROW(background.finish(), std::runtime_error);
  background.finish();

  Gate gate;
  std::promise<void> reached;
  gate.close(background);
  background.post("fails", [] { throw std::runtime_error("disk full"); });
  background.post("reached", [&] { reached.set_value(); });
  gate.open();
  reached.get_future().wait();
  EXPECT_THROW(background.post("next", [&] { done = true; }), std::runtime_error);
  background.finish();
  EXPECT_TRUE(done);
}

TEST(Background, WithoutAThreadJobsAreDoneAtOnce) {
  Background background(false);
  bool done = false;
  background.post("now", [&] { done = true; });
  EXPECT_TRUE(done);
  EXPECT_THROW(background.post("fails", [] { throw std::runtime_error("disk full"); }), std::runtime_error);
  background.finish();
}

TEST(Background, TheEndDoesWhatIsLeft) {
  bool done = false;
  Gate gate;
  {
    Background background(true);
    gate.close(background);
    background.post("left", [&] { done = true; });
    background.post("fails", [] { throw std::runtime_error("disk full"); });
    gate.open();
  }
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace mnist
