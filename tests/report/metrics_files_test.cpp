// Rows of figures: their form, that they continue where a checkpoint was, and that none is lost to a full disk.
#include "mnist/report/metrics_files.hpp"

#include <csignal>
#include <sstream>
#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include "mnist/core/error.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::content_of;
using test::TemporaryFolder;
using ::testing::HasSubstr;

class Metrics : public ::testing::Test {
 protected:
  MetricsFiles open(const std::map<std::string, std::uint64_t>& sizes = {}) {
    return MetricsFiles(folder_.path(), sizes, log_);
  }

  TemporaryFolder folder_;
  std::ostringstream logged_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::ostream_sink_st>(logged_)};
};

const IntervalReport kInterval = {.epoch = 1, .step = 10, .loss = 2.5, .lr = 1, .images_per_second = 1430};
const EpochReport kEpoch = {.train = {.epoch = 1, .lr = 1, .seconds = 2, .loss = 0.75, .correct = 15, .total = 20},
                            .test_seconds = 1,
                            .test = {.loss = 0.5, .correct = 9, .total = 10}};

TEST_F(Metrics, HaveARowAnIntervalAndAnEpoch) {
  MetricsFiles metrics = open();
  metrics.interval(kInterval);
  // Flushed row by row: what a killed run leaves.
  EXPECT_THAT(content_of(folder_ / "metrics.jsonl"), HasSubstr("2.5"));
  metrics.epoch_done(kEpoch);
  std::istringstream lines(content_of(folder_ / "metrics.jsonl"));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["kind"], "train");
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["accuracy"], 0.9);
  EXPECT_EQ(content_of(folder_ / "metrics.csv"),
            "kind,epoch,step,lr,loss,correct,total,accuracy,train_loss,train_accuracy\n"
            "train,1,10,1,2.5,,,,,\n"
            "test,1,,1,0.5,9,10,0.900000,0.75,0.750000\n");
}

TEST_F(Metrics, WhatDiffersFromTimeToTimeHasAFileOfItsOwn) {
  MetricsFiles metrics = open();
  metrics.interval(kInterval);
  metrics.epoch_done(kEpoch);
  for (const char* name : {"metrics.jsonl", "metrics.csv"}) {
    EXPECT_THAT(content_of(folder_ / name), ::testing::Not(HasSubstr("second"))) << name;
  }
  std::istringstream lines(content_of(folder_ / "timing.jsonl"));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["images_per_second"], 1430);
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["train_seconds"], 2);
  EXPECT_EQ(nlohmann::json::parse(line)["test_seconds"], 1);
}

TEST_F(Metrics, ContinueWhereTheCheckpointWas) {
  std::map<std::string, std::uint64_t> sizes;
  {
    MetricsFiles metrics = open();
    metrics.interval(kInterval);
    sizes = metrics.sizes();
    metrics.epoch_done(kEpoch);  // after the checkpoint
  }
  const std::string whole = content_of(folder_ / "metrics.csv");
  MetricsFiles metrics = open(sizes);
  EXPECT_EQ(content_of(folder_ / "metrics.csv"), whole.substr(0, sizes.at("metrics.csv")));
  metrics.epoch_done(kEpoch);
  EXPECT_EQ(content_of(folder_ / "metrics.csv"), whole);
  EXPECT_EQ(logged_.str(), "");
}

TEST_F(Metrics, RowsThatAreGoneAreTold) {
  MetricsFiles metrics = open({{"metrics.csv", 1000}});
  EXPECT_THAT(logged_.str(), HasSubstr("rows are missing"));
}

TEST_F(Metrics, AFolderThatIsNotThereIsAnError) {
  EXPECT_THROW(MetricsFiles("/proc/no-such-folder", {}, log_), Error);
}

// A limit on the size of files stands for a full disk: EFBIG in place of ENOSPC.
TEST_F(Metrics, RowsWaitForRoomAndNoneIsLost) {
  std::signal(SIGXFSZ, SIG_IGN);
  MetricsFiles metrics = open();
  metrics.interval(kInterval);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit full{content_of(folder_ / "metrics.csv").size(), old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  metrics.interval(kInterval);
  metrics.epoch_done(kEpoch);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_THAT(logged_.str(), HasSubstr("keeps the rows in memory"));
  EXPECT_EQ(content_of(folder_ / "metrics.csv"),
            "kind,epoch,step,lr,loss,correct,total,accuracy,train_loss,train_accuracy\ntrain,1,10,1,2.5,,,,,\n");
  metrics.interval(kInterval);
  EXPECT_EQ(content_of(folder_ / "metrics.csv"),
            "kind,epoch,step,lr,loss,correct,total,accuracy,train_loss,train_accuracy\n"
            "train,1,10,1,2.5,,,,,\ntrain,1,10,1,2.5,,,,,\n"
            "test,1,,1,0.5,9,10,0.900000,0.75,0.750000\ntrain,1,10,1,2.5,,,,,\n");
  EXPECT_THAT(logged_.str(), HasSubstr("is written again, including the rows kept in memory"));
}

}  // namespace
}  // namespace mnist
