#include "mnist/report/run_record.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/folder_lock.hpp"

namespace mnist {
namespace {

using RecordJson = nlohmann::json;

constexpr const char* kManifest = "manifest.json";
constexpr std::uintmax_t kMostManifest = 16 << 20;  // bytes
constexpr std::uintmax_t kMostRows = 1 << 30;       // bytes

// The value of a key, or nothing if it is missing, null, or of another type.
template <class Value>
std::optional<Value> optional_value(const RecordJson& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return std::nullopt;
  if constexpr (std::is_same_v<Value, std::string>) {
    if (!found->is_string()) return std::nullopt;
  } else if (!found->is_number()) {
    return std::nullopt;
  }
  return found->get<Value>();
}

std::string text_value(const RecordJson& json, const char* key) {
  return optional_value<std::string>(json, key).value_or("");
}

RunSession session_of(const RecordJson& json) {
  return {.started = text_value(json, "started"),
          .finished = text_value(json, "finished"),
          .seconds = optional_value<double>(json, "seconds"),
          .outcome = text_value(json, "outcome"),
          .reason = text_value(json, "exit_reason"),
          .exit_code = optional_value<std::int64_t>(json, "exit_code"),
          .command_line = text_value(json, "command_line"),
          .host = text_value(json, "host"),
          .device = text_value(json, "device"),
          .from_epoch = optional_value<std::int64_t>(json, "from_epoch").value_or(0),
          .from_step = optional_value<std::int64_t>(json, "from_step").value_or(0)};
}

std::optional<RunResult> result_of_json(const RecordJson& manifest) {
  const auto found = manifest.find("result");
  if (found == manifest.end() || !found->is_object()) return std::nullopt;
  const RecordJson& json = *found;
  RunResult result{.epochs = json.at("epochs"), .epoch = json.at("epoch"), .test = {}};
  result.test.loss = json.at("test_loss").is_number() ? json.at("test_loss").get<double>() : std::nan("");
  result.test.correct = json.at("correct");
  result.test.total = json.at("total");
  return result;
}

RunManifest manifest_of_json(const RecordJson& json) {
  RunManifest manifest{.outcome = outcome_from_text(json.at("outcome")),
                       .outcome_text = json.at("outcome"),
                       .command_line = text_value(json, "command_line"),
                       .started = text_value(json, "started"),
                       .seconds = optional_value<double>(json, "seconds"),
                       .arch = text_value(json, "arch"),
                       .dataset = text_value(json, "dataset"),
                       .seed = optional_value<std::uint64_t>(json, "seed").value_or(0),
                       .device = text_value(json, "device"),
                       .precision = text_value(json, "precision"),
                       .kernels = text_value(json, "kernels"),
                       .host = text_value(json, "host"),
                       .cpu = text_value(json, "cpu"),
                       .program = text_value(json, "mnist"),
                       .git_revision = text_value(json, "git_revision"),
                       .compiler = text_value(json, "compiler"),
                       .libtorch = text_value(json, "libtorch"),
                       .ranks = optional_value<std::int64_t>(json, "ranks").value_or(1),
                       .result = result_of_json(json)};
  if (const auto model = json.find("model"); model != json.end() && model->is_object()) {
    manifest.model = text_value(*model, "path");
    manifest.model_sha256 = text_value(*model, "sha256");
  }
  for (const RecordJson& session : json.value("sessions", RecordJson::array()))
    manifest.sessions.push_back(session_of(session));
  if (manifest.sessions.empty()) manifest.sessions.push_back(session_of(json));
  return manifest;
}

// The text of a file of rows; empty if it is missing or damaged.
std::string rows_of(const std::filesystem::path& path) {
  try {
    return read_file(path, "file of rows", kMostRows);
  } catch (const Error&) {
    return "";
  }
}

// Calls `use` with each complete line: an active run may be writing the last one.
template <class Use>
void each_line(std::string_view text, Use&& use) {
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    use(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t comma = line.find(','); comma != std::string_view::npos; comma = line.find(',')) {
    fields.push_back(line.substr(0, comma));
    line.remove_prefix(comma + 1);
  }
  fields.push_back(line);
  return fields;
}

// Read the whole field; return false if it is not a finite number.
bool read_number(std::string_view field, std::int64_t& number) {
  const char* const end = field.data() + field.size();
  const auto [rest, error] = std::from_chars(field.data(), end, number);
  return error == std::errc() && rest == end;
}
bool read_number(std::string_view field, double& number) {
  const std::string text(field);
  char* rest = nullptr;
  number = std::strtod(text.c_str(), &rest);
  return !text.empty() && *rest == '\0' && std::isfinite(number);
}

// Columns: kind,epoch,step,lr,loss,correct,total,accuracy,train_loss,train_accuracy.
void read_metrics(const std::filesystem::path& path, bool with_steps, RunRecord& record) {
  constexpr std::size_t kColumns = 10;
  each_line(rows_of(path), [&](std::string_view line) {
    if (!with_steps && line.starts_with("train")) return;
    const std::vector<std::string_view> field = fields_of(line);
    if (field.size() != kColumns) return;
    StepRow step;
    EpochRow epoch;
    if (field[0] == "train" && read_number(field[1], step.epoch) && read_number(field[2], step.step) &&
        read_number(field[3], step.lr) && read_number(field[4], step.loss)) {
      record.steps.push_back(step);
    } else if (field[0] == "test" && read_number(field[1], epoch.epoch) && read_number(field[3], epoch.lr) &&
               read_number(field[4], epoch.test_loss) && read_number(field[7], epoch.test_accuracy) &&
               read_number(field[8], epoch.train_loss) && read_number(field[9], epoch.train_accuracy)) {
      record.epochs.push_back(epoch);
    }
  });
}

void read_times(const std::filesystem::path& path, RunRecord& record) {
  each_line(rows_of(path), [&](std::string_view line) {
    if (line.find("\"test\"") == std::string_view::npos) return;
    const RecordJson row = RecordJson::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_object()) return;
    const auto number = optional_value<std::int64_t>(row, "epoch");
    const auto epoch = std::ranges::lower_bound(record.epochs, number.value_or(0), {}, &EpochRow::epoch);
    if (epoch == record.epochs.end() || epoch->epoch != number) return;
    epoch->train_seconds = optional_value<double>(row, "train_seconds");
    epoch->test_seconds = optional_value<double>(row, "test_seconds");
    epoch->images_per_second = optional_value<double>(row, "images_per_second");
  });
}

}  // namespace

const EpochRow* RunRecord::best() const {
  const auto best = std::ranges::max_element(epochs, {}, &EpochRow::test_accuracy);
  return best == epochs.end() ? nullptr : &*best;
}

std::string RunRecord::state() const {
  if (manifest.outcome == Outcome::running) return active ? "running" : "interrupted";
  return manifest.outcome_text.substr(0, manifest.outcome_text.find(':'));
}

bool is_run(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path / kManifest, ignored);
}

RunRecord read_run(const std::filesystem::path& path, bool with_steps) {
  if (!is_run(path)) {
    std::error_code ignored;
    throw data_error(std::filesystem::exists(path, ignored)
                         ? fmt::format("{} is not a run directory: it has no manifest.json", quoted(path))
                         : fmt::format("there is no run directory {}", quoted(path)),
                     "to see the runs in the folder 'runs': mnist runs");
  }
  RunRecord record{.path = path};
  try {
    record.manifest = manifest_of_json(RecordJson::parse(read_file(path / kManifest, "manifest", kMostManifest)));
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) {
    throw data_error(fmt::format("the manifest {} is damaged", quoted(path / kManifest)),
                     fmt::format("to continue the run, which writes it again: mnist train --resume {}", quoted(path)));
  }
  record.active = is_locked(path);
  read_metrics(path / "metrics.csv", with_steps, record);
  read_times(path / "timing.jsonl", record);
  return record;
}

}  // namespace mnist
