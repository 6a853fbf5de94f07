#include "mnist/report/run_directory.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/version.hpp"
#include "mnist/report/gpu_figures.hpp"

namespace mnist {
namespace {

constexpr const char* kHint = "name another place with --run-dir";

// A path on the command line need not be UTF-8.
std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

RunDirectory RunDirectory::numbered(const std::filesystem::path& runs, const std::string& arch) {
  make_folder(runs, kHint);
  for (int number = 1;; ++number) {
    const std::filesystem::path path = runs / fmt::format("{}-{}", arch, number);
    std::error_code error;
    // Only one of two runs that start together is told that it made the folder.
    if (std::filesystem::create_directory(path, error)) return RunDirectory(path);
    if (error) throw data_error(fmt::format("cannot make the folder {}: {}", quoted(path), error.message()), kHint);
  }
}

void RunDirectory::check(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored) && !std::filesystem::is_empty(path, ignored)) {
    throw usage_error(fmt::format("the run directory {} is not empty", quoted(path)), kHint);
  }
}

RunDirectory RunDirectory::at(const std::filesystem::path& path) {
  check(path);
  make_folder(path, kHint);
  return RunDirectory(path);
}

void RunDirectory::begin(const RunDescription& description) {
  write_file_atomically(path_ / "config.toml", description.config);
  const BuildInfo build = build_info();
  nlohmann::ordered_json manifest = {
      {"format_version", 1},
      {"outcome", "running"},
      {"command_line", description.command_line},
      {"started", utc_time()},
      {"finished", nullptr},
      {"arch", description.arch},
      {"dataset", description.dataset},
      {"seed", description.seed},
      {"device", description.device},
      {"precision", description.precision},
      {"kernels", description.kernels},
      {"threads", description.threads},
      {"host", host_name()},
      {"cpu", cpu_model()},
      {"mnist", build.version},
      {"git_revision", build.git_revision},
      {"compiler", build.compiler},
      {"build_type", build.build_type},
      {"libtorch", description.libtorch},
  };
  manifest_ = text_of(manifest);
  write_file_atomically(path_ / "manifest.json", manifest_ + "\n");
}

void RunDirectory::end(const std::string& outcome) const {
  nlohmann::ordered_json manifest = nlohmann::ordered_json::parse(manifest_);
  manifest["outcome"] = outcome;
  manifest["finished"] = utc_time();
  manifest["peak_memory_bytes"] = peak_memory_bytes();
  write_file_atomically(path_ / "manifest.json", text_of(manifest) + "\n");
}

MetricsFiles::MetricsFiles(const std::filesystem::path& directory, GpuReader gpu)
    : directory_(directory), gpu_(std::move(gpu)) {
  json_ = std::fopen((directory / "metrics.jsonl").string().c_str(), "wb");
  csv_ = std::fopen((directory / "metrics.csv").string().c_str(), "wb");
  if (json_ == nullptr || csv_ == nullptr) {
    throw data_error(fmt::format("cannot write metrics in {}", quoted(directory)), kHint);
  }
  write("",
        "kind,epoch,step,lr,loss,correct,total,accuracy,images_per_second,seconds,train_loss,train_accuracy,"
        "train_seconds,test_seconds\n");
}

MetricsFiles::~MetricsFiles() {
  if (json_ != nullptr) std::fclose(json_);
  if (csv_ != nullptr) std::fclose(csv_);
}

void MetricsFiles::interval(const IntervalReport& report) {
  const nlohmann::ordered_json row = {{"kind", "train"},     {"epoch", report.epoch},
                                      {"step", report.step}, {"lr", report.lr},
                                      {"loss", report.loss}, {"images_per_second", report.images_per_second}};
  write(row.dump() + "\n", fmt::format("train,{},{},{:.8g},{:.8g},,,,{:.1f},,,,,\n", report.epoch, report.step,
                                       report.lr, report.loss, report.images_per_second));
}

void MetricsFiles::epoch_done(const EpochReport& report) {
  const TrainingReport& train = report.train;
  const auto accuracy = static_cast<double>(train.correct) / static_cast<double>(train.total);
  nlohmann::ordered_json row = {{"kind", "test"},
                                {"epoch", train.epoch},
                                {"lr", train.lr},
                                {"loss", report.test.loss},
                                {"correct", report.test.correct},
                                {"total", report.test.total},
                                {"accuracy", report.test.accuracy()},
                                {"train_loss", train.loss},
                                {"train_accuracy", accuracy},
                                {"images_per_second", train.images_per_second},
                                {"train_seconds", train.seconds},
                                {"test_seconds", report.test_seconds}};
  if (const std::optional<GpuFigures> gpu = gpu_ ? gpu_() : std::nullopt) row["gpu"] = gpu_json(*gpu);
  write(row.dump() + "\n",
        fmt::format("test,{},,{:.8g},{:.8g},{},{},{:.6f},{:.1f},{:.3f},{:.8g},{:.6f},{:.3f},{:.3f}\n", train.epoch,
                    train.lr, report.test.loss, report.test.correct, report.test.total, report.test.accuracy(),
                    train.images_per_second, train.seconds + report.test_seconds, train.loss, accuracy, train.seconds,
                    report.test_seconds));
}

void MetricsFiles::write(const std::string& json, const std::string& csv) {
  const bool written = std::fwrite(json.data(), 1, json.size(), json_) == json.size() && std::fflush(json_) == 0 &&
                       std::fwrite(csv.data(), 1, csv.size(), csv_) == csv.size() && std::fflush(csv_) == 0;
  if (!written) throw data_error(fmt::format("cannot write metrics in {}: disk full?", quoted(directory_)), kHint);
}

}  // namespace mnist
