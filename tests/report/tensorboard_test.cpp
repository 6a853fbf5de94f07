// The event file for TensorBoard: bytes as those of TensorBoard's own writer, and nothing lost or shown twice.
// scripts/check_tensorboard reads such files with TensorBoard itself.
#include "mnist/report/tensorboard.hpp"

#include <algorithm>
#include <cstring>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "support/faulty_files.hpp"
#include "support/temporary_folder.hpp"
#include "tensorboard_events.hpp"

namespace mnist {
namespace {

using test::content_of;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

// The events of a file, up to its last whole record. Fails the test at a wrong checksum.
std::vector<std::string> events_in(std::string bytes) {
  constexpr std::size_t kBefore = 12;
  constexpr std::size_t kAround = 16;
  std::vector<std::string> events;
  while (bytes.size() >= kBefore) {
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    if (bytes.size() < kAround + length) break;
    events.push_back(bytes.substr(kBefore, length));
    EXPECT_EQ(hex(bytes.substr(0, kAround + length)), hex(record(events.back())));
    bytes.erase(0, kAround + length);
  }
  return events;
}

TEST(TensorBoardRecord, HasTheChecksumOfRfc3720) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AA) << "RFC 3720, B.4";
  EXPECT_EQ(crc32c(""), 0U);
}

// The right sides are what RecordWriter of the Python package tensorboard 2.21.0 writes.
TEST(TensorBoardRecord, IsThatOfTensorBoardsWriter) {
  EXPECT_EQ(hex(scalars_record({1.5, 300}, {{"train/loss", 0.5}})),
            "2100000000000000017becf609000000000000f83f10ac022a130a110a0a747261696e2f6c6f7373150000003fb56a6431");
  EXPECT_EQ(hex(session_start({1.5, 2})),
            "1a00000000000000129bd82d09000000000000f83f10021a0d627261696e2e4576656e743a32eb1c4e44"
            "0f000000000000006d532b0909000000000000f83f10023a0208010ed75a29");
  EXPECT_THAT(hex(hyperparameters_end_record({1.5, 2}, /*success=*/false)),
              HasSubstr("2a3a0a380a1a5f68706172616d735f2f73657373696f6e5f656e645f696e666f4a1a0a180a0768706172616d73"));
}

TEST(TensorBoardRecord, OfAPictureNeedsAPng) {
  EXPECT_THROW(image_record({0, 0}, "a", std::string(100, 'x')), std::invalid_argument);
  EXPECT_THROW(image_record({0, 0}, "a", "\x89PNG\r\n\x1A\n"), std::invalid_argument) << "without a header";
}

class TensorBoard : public ::testing::Test {
 protected:
  void open(const TensorBoardFile::Start& start = {}) {
    file_.emplace(folder_ / "run", start, log_, background_, GpuReader(), disk_);
    background_.finish();
  }

  void interval(std::int64_t step) {
    file_->interval({.epoch = 1, .step = step, .loss = 2.5, .lr = 1, .images_per_second = 100});
    background_.finish();
  }

  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "run")) paths.push_back(entry.path());
    std::ranges::sort(paths);
    return paths;
  }

  std::size_t warnings() const {
    const std::string text = logged_.str();
    std::size_t count = 0;
    for (std::size_t at = text.find("[warning]"); at != std::string::npos; at = text.find("[warning]", at + 1)) ++count;
    return count;
  }

  TemporaryFolder folder_;
  std::ostringstream logged_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(logged_)};
  test::FullDisk disk_;
  std::optional<TensorBoardFile> file_;
  Background background_{/*threaded=*/true};
};

constexpr std::size_t kBegin = 4;  // events: version, start, columns of the tab HPARAMS, options

TEST_F(TensorBoard, HasTheFiguresOfAnEpochAtItsLastBatch) {
  std::filesystem::create_directory(folder_ / "run");
  open({.parameters = {{"lr", HyperParameter::Type::number, 0.5},
                       {"recipe", HyperParameter::Type::text, "a\xFF"},
                       {"momentum", HyperParameter::Type::number}}});
  interval(0);
  file_->epoch_done({.train = {.epoch = 2, .correct = 15, .total = 20, .batch_losses = {1, 1, 1, 1, 1}},
                     .test = {.loss = 0.5, .correct = 9, .total = 10}});
  file_->end(/*success=*/true);
  background_.finish();
  ASSERT_THAT(files(), SizeIs(1));
  EXPECT_EQ(file_->path(), files().front());
  EXPECT_THAT(file_->path().filename().string(), StartsWith("events.out.tfevents."));
  const std::vector<std::string> events = events_in(content_of(files().front()));
  ASSERT_THAT(events, SizeIs(kBegin + 3));
  EXPECT_THAT(events[2], HasSubstr("momentum")) << "a column, also without a value in this run";
  EXPECT_THAT(events[3], Not(HasSubstr("momentum")));
  EXPECT_THAT(events[3], HasSubstr("a\xEF\xBF\xBD")) << "strings of protobuf are UTF-8";
  EXPECT_THAT(events[kBegin], HasSubstr("train/images_per_second"));
  // Batches 5 to 9 of the run.
  EXPECT_EQ(hex(events[kBegin + 1].substr(9, 2)), "1009");
  EXPECT_THAT(events[kBegin + 1], HasSubstr(ProtoMessage().text(1, "test/accuracy").single(2, 0.9F).bytes()));
  EXPECT_EQ(hex(events[kBegin + 2].substr(9, 2)), "100a");
}

TEST_F(TensorBoard, AResumedRunTellsFromWhichStepEarlierFilesAreIgnored) {
  std::filesystem::create_directory(folder_ / "run");
  // The clock of the earlier process was ahead.
  test::write_file(folder_ / "run" / "events.out.tfevents.9000000000.other.1", "earlier");
  open({.parameters = {}, .steps = 7});
  const auto start_of = [&](const std::filesystem::path& path) {
    return hex(events_in(content_of(path)).at(1)).substr(18);
  };
  ASSERT_THAT(files(), SizeIs(2));
  EXPECT_EQ(file_->path(), files().back()) << "TensorBoard reads the files in the order of their names";
  EXPECT_EQ(content_of(files().front()), "earlier");
  EXPECT_EQ(start_of(files().back()),
            "1007"
            "3a020801");
  // The epoch's figures, at the last batch, come again.
  open({.parameters = {}, .steps = 7, .evaluating = true});
  ASSERT_THAT(files(), SizeIs(3)) << "a file for each process";
  EXPECT_EQ(start_of(files().back()),
            "1006"
            "3a020801");
}

TEST_F(TensorBoard, AKilledRunLeavesWholeRecords) {
  std::filesystem::create_directory(folder_ / "run");
  open();
  interval(0);
  interval(1);
  const std::string whole = content_of(file_->path());
  EXPECT_THAT(events_in(whole), SizeIs(kBegin + 2)) << "written at once, not at the end";
  EXPECT_THAT(events_in(whole.substr(0, whole.size() - 1)), SizeIs(kBegin + 1));
}

TEST_F(TensorBoard, AFullDiskIsToldOnceAndCostsNothing) {
  std::filesystem::create_directory(folder_ / "run");
  disk_.fill(folder_ / "run");
  open();
  for (std::int64_t step = 0; step < 3; ++step) interval(step);
  EXPECT_EQ(warnings(), 1U) << logged_.str();
  EXPECT_THAT(events_in(content_of(file_->path())), SizeIs(0));
  disk_.make_room();
  interval(3);
  EXPECT_THAT(events_in(content_of(file_->path())), SizeIs(kBegin + 4));
  disk_.fill(folder_ / "run");
  interval(4);
  file_->finish();
  EXPECT_THAT(logged_.str(), HasSubstr("bytes of rows are missing"));
}

TEST_F(TensorBoard, AMissingFolderIsToldOnceAndCostsNothing) {
  open();
  interval(0);
  EXPECT_EQ(warnings(), 1U) << logged_.str();
  std::filesystem::create_directory(folder_ / "run");
  interval(1);
  EXPECT_EQ(warnings(), 1U) << logged_.str();
  EXPECT_THAT(events_in(content_of(file_->path())), SizeIs(kBegin + 2));
}

TEST_F(TensorBoard, APictureThatCannotBeReadIsTold) {
  std::filesystem::create_directory(folder_ / "run");
  open();
  file_->picture("train/batch", folder_ / "missing.png");
  EXPECT_THAT(logged_.str(), HasSubstr("TensorBoard does not show the picture train/batch"));
}

}  // namespace
}  // namespace mnist
