#include "run_figures.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/sha256.hpp"

#include "toml.hpp"

namespace mnist::cli {
namespace {

using Json = nlohmann::ordered_json;

std::map<std::string, std::string> options_of(const std::filesystem::path& run) {
  constexpr std::uintmax_t kMostBytes = 1 << 20;
  const std::filesystem::path path = run / "config.toml";
  std::map<std::string, std::string> options;
  try {
    for (const TomlEntry& entry : parse_toml(read_file(path, "config file", kMostBytes), path.string())) {
      if (!entry.key.empty()) options[entry.key] = fmt::format("{}", fmt::join(entry.values, " "));
    }
  } catch (const Error&) {
    options.clear();
  }
  return options;
}

std::optional<std::int64_t> number_of(const std::map<std::string, std::string>& options, const std::string& name) {
  const auto found = options.find(name);
  if (found == options.end()) return std::nullopt;
  const std::string& text = found->second;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// Whether --limit-batches left out test images, as far as the files of the run say it.
bool is_on_part(const RunFigures& run) {
  if (run.limit_batches.value_or(0) <= 0) return false;
  const std::optional<std::int64_t> batch = number_of(run.options, "test-batch-size");
  const std::optional<RunResult>& result = run.record.manifest.result;
  return !batch || !result || result->test.total / *run.limit_batches >= *batch;
}

std::optional<double> median_rate(const RunRecord& record) {
  std::vector<double> rates;
  for (const EpochRow& epoch : record.epochs) {
    if (epoch.images_per_second && *epoch.images_per_second > 0) rates.push_back(*epoch.images_per_second);
  }
  if (rates.empty()) return std::nullopt;
  const auto middle = rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2);
  std::ranges::nth_element(rates, middle);
  return *middle;
}

}  // namespace

std::vector<std::filesystem::path> runs_in(const std::filesystem::path& folder) {
  if (is_run(folder)) return {folder};
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (std::filesystem::directory_iterator entries(folder, error), end; !error && entries != end;
       entries.increment(error)) {
    if (is_run(entries->path())) paths.push_back(entries->path());
  }
  if (error) {
    throw data_error(fmt::format("cannot read the folder {}: {}", quoted(folder), error.message()),
                     "give a run directory, or a folder that contains some");
  }
  std::ranges::sort(paths);
  return paths;
}

RunFigures figures_of(const std::filesystem::path& run, bool with_steps) {
  RunFigures figures{.name = {}, .record = read_run(run, with_steps), .options = options_of(run)};
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::absolute(run, ignored).lexically_normal();
  figures.name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  const RunRecord& record = figures.record;
  figures.planned_epochs = number_of(figures.options, "epochs").value_or(0);
  figures.limit_batches = number_of(figures.options, "limit-batches");
  figures.on_part = is_on_part(figures);
  if (const EpochRow* const best = record.best(); best != nullptr) {
    figures.epochs = record.epochs.back().epoch;
    figures.best_accuracy = best->test_accuracy;
    figures.best_epoch = best->epoch;
  }
  if (const std::optional<RunResult>& result = record.manifest.result) {
    figures.epochs = std::max(figures.epochs, result->epochs);
    figures.accuracy = result->test.accuracy();
    if (std::isfinite(result->test.loss)) figures.test_loss = result->test.loss;
  }
  figures.images_per_second = median_rate(record);
  return figures;
}

bool changes_figures(std::string_view option) {
  constexpr std::array<std::string_view, 13> kNoFigures = {
      "output",           "save-model",           "overwrite", "log-interval", "keep",
      "checkpoint-every", "checkpoint-exit-code", "cache-mb",  "threads",      "recipe",
      "timeout",          "tensorboard",          "live"};
  return std::ranges::count(kNoFigures, option) == 0;
}

std::filesystem::path written_model(const RunManifest& manifest) {
  std::error_code ignored;
  if (manifest.model.empty() || !std::filesystem::is_regular_file(manifest.model, ignored)) return {};
  try {
    return file_sha256(manifest.model, "model file") == manifest.model_sha256 ? manifest.model : "";
  } catch (const Error&) {
    return {};
  }
}

std::filesystem::path model_of_run(const RunFigures& run) {
  if (std::filesystem::path written = written_model(run.record.manifest); !written.empty()) return written;
  const auto keep = run.options.find("keep-best");
  const bool best = keep != run.options.end() && keep->second == "on";
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::absolute(run.record.path, ignored).lexically_normal();
  std::filesystem::path weights = folder / (best ? "best.pt" : "last.pt");
  return std::filesystem::is_regular_file(weights, ignored) ? weights : "";
}

std::string short_device(const RunManifest& manifest) {
  return manifest.device.substr(0, manifest.device.find(' '));
}

std::string percent_text(const std::optional<double>& share) {
  return share ? fmt::format("{:.2f} %", 100 * *share) : "-";
}

std::string accuracy_text(const RunFigures& run, const std::optional<double>& accuracy) {
  return percent_text(accuracy) + (accuracy && run.on_part ? "*" : "");
}

std::string asterisk_text(const std::vector<RunFigures>& runs) {
  const bool any = std::ranges::any_of(
      runs, [](const RunFigures& run) { return run.on_part && (run.best_accuracy || run.accuracy); });
  return any ? "* on a part of the test images (--limit-batches)\n" : "";
}

nlohmann::ordered_json run_json(const RunFigures& figures) {
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(); };
  const RunManifest& manifest = figures.record.manifest;
  const std::filesystem::path model = written_model(manifest);
  return {{"run", figures.record.path.string()},
          {"state", figures.record.state()},
          {"arch", manifest.arch},
          {"dataset", manifest.dataset},
          {"seed", manifest.seed},
          {"epochs", figures.epochs},
          {"planned_epochs", figures.planned_epochs > 0 ? Json(figures.planned_epochs) : Json()},
          {"best_accuracy", or_null(figures.best_accuracy)},
          {"best_epoch", figures.best_accuracy ? Json(figures.best_epoch) : Json()},
          {"accuracy", or_null(figures.accuracy)},
          {"test_loss", or_null(figures.test_loss)},
          {"seconds", or_null(manifest.seconds)},
          {"images_per_second", or_null(figures.images_per_second)},
          {"device", manifest.device},
          {"precision", manifest.precision},
          {"started", manifest.started},
          {"model", model.empty() ? Json() : Json(model.string())},
          {"limit_batches", or_null(figures.limit_batches)}};
}

}  // namespace mnist::cli
