#include "mnist/report/metrics_files.hpp"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/report/gpu_figures.hpp"

namespace mnist {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kJson = "metrics.jsonl";
constexpr const char* kCsv = "metrics.csv";
constexpr const char* kTiming = "timing.jsonl";
constexpr const char* kCsvHeader = "kind,epoch,step,lr,loss,correct,total,accuracy,train_loss,train_accuracy\n";

std::uint64_t size_in(const std::map<std::string, std::uint64_t>& sizes, const char* name) {
  const auto found = sizes.find(name);
  return found == sizes.end() ? 0 : found->second;
}

}  // namespace

MetricsFiles::MetricsFiles(const std::filesystem::path& directory, const std::map<std::string, std::uint64_t>& sizes,
                           spdlog::logger& log, GpuReader gpu, FileSystem& files)
    : json_(directory / kJson, size_in(sizes, kJson), "", log, files),
      csv_(directory / kCsv, size_in(sizes, kCsv), kCsvHeader, log, files),
      timing_(directory / kTiming, size_in(sizes, kTiming), "", log, files),
      gpu_(std::move(gpu)) {}

void MetricsFiles::interval(const IntervalReport& report) {
  const Json row = {
      {"kind", "train"}, {"epoch", report.epoch}, {"step", report.step}, {"lr", report.lr}, {"loss", report.loss}};
  json_.append(row.dump() + "\n");
  csv_.append(fmt::format("train,{},{},{:.8g},{:.8g},,,,,\n", report.epoch, report.step, report.lr, report.loss));
  const Json timing = {{"kind", "train"},
                       {"epoch", report.epoch},
                       {"step", report.step},
                       {"images_per_second", report.images_per_second}};
  timing_.append(timing.dump() + "\n");
}

void MetricsFiles::epoch_done(const EpochReport& report) {
  const TrainingReport& train = report.train;
  const double accuracy = train.accuracy();
  const Json row = {{"kind", "test"},
                    {"epoch", train.epoch},
                    {"lr", train.lr},
                    {"loss", report.test.loss},
                    {"correct", report.test.correct},
                    {"total", report.test.total},
                    {"accuracy", report.test.accuracy()},
                    {"train_loss", train.loss},
                    {"train_accuracy", accuracy}};
  json_.append(row.dump() + "\n");
  csv_.append(fmt::format("test,{},,{:.8g},{:.8g},{},{},{:.6f},{:.8g},{:.6f}\n", train.epoch, train.lr,
                          report.test.loss, report.test.correct, report.test.total, report.test.accuracy(), train.loss,
                          accuracy));
  Json timing = {{"kind", "test"},
                 {"epoch", train.epoch},
                 {"images_per_second", train.images_per_second},
                 {"train_seconds", train.seconds},
                 {"exposed_seconds", train.exposed_seconds},
                 {"test_seconds", report.test_seconds}};
  if (const std::optional<GpuFigures> gpu = gpu_ ? gpu_() : std::nullopt) timing["gpu"] = gpu_json(*gpu);
  timing_.append(timing.dump() + "\n");
}

void MetricsFiles::finish() {
  for (RowFile* const file : {&json_, &csv_, &timing_}) file->finish();
}

std::map<std::string, std::uint64_t> MetricsFiles::sizes() const {
  return {{kJson, json_.size()}, {kCsv, csv_.size()}, {kTiming, timing_.size()}};
}

}  // namespace mnist
