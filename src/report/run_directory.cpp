#include "mnist/report/run_directory.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/sha256.hpp"
#include "mnist/core/version.hpp"
#include "mnist/report/checkpoints.hpp"

namespace mnist {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kHint = "choose another location with --run-dir";
constexpr std::uintmax_t kMaxManifest = 16 << 20;

// A path on the command line may not be UTF-8.
std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

// The number after "<arch>-" in a name, or 0.
int number_of(const std::string& name, const std::string& arch) {
  int number = 0;
  if (!name.starts_with(arch + "-")) return 0;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + arch.size() + 1, end, number);
  return error == std::errc() && rest == end ? number : 0;
}

// The largest number of a run of this arch, including removed runs.
int last_number(const std::filesystem::path& runs, const std::string& arch, const std::filesystem::path& note) {
  int last = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(runs, error)) {
    last = std::max(last, number_of(entry.path().filename().string(), arch));
  }
  if (!std::filesystem::exists(note, error)) return last;
  const std::string text = read_file(note, "file", 64);
  int noted = 0;
  std::from_chars(text.data(), text.data() + text.size(), noted);
  return std::max(last, noted);
}

// As in the manifest: "running", "interrupted", "finished", "failed: ...", and "diverged: ...".
constexpr std::array<std::string_view, 5> kOutcomes = {"running", "interrupted", "finished", "failed", "diverged"};

std::string text_of(Outcome outcome, const std::string& why = "") {
  const std::string text(kOutcomes[static_cast<std::size_t>(outcome)]);
  return why.empty() ? text : text + ": " + why;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Json session(const RunDescription& description) {
  return {{"started", utc_time(seconds_since(description.start))},
          {"finished", nullptr},
          {"seconds", nullptr},
          {"outcome", text_of(Outcome::running)},
          {"exit_reason", nullptr},
          {"exit_code", nullptr},
          {"command_line", description.command_line},
          {"host", host_name()},
          {"cpu", cpu_model()},
          {"device", description.device},
          {"kernels", description.kernels},
          {"threads", description.threads},
          {"ranks", description.ranks},
          {"libtorch", description.libtorch},
          {"git_revision", build_info().git_revision}};
}

FolderLock lock_of(const std::filesystem::path& run, const std::string& command) {
  return {run, "run directory", command, "wait for it or stop it, or choose another location with --run-dir"};
}

Json manifest_of(const RunDescription& description) {
  const BuildInfo build = build_info();
  return {
      {"format_version", 2},
      {"outcome", text_of(Outcome::running)},
      {"command_line", description.command_line},
      {"started", utc_time(seconds_since(description.start))},
      {"finished", nullptr},
      {"seconds", nullptr},
      {"exit_reason", nullptr},
      {"exit_code", nullptr},
      {"result", nullptr},
      {"model", nullptr},
      {"arch", description.arch},
      {"dataset", description.dataset},
      {"seed", description.seed},
      {"device", description.device},
      {"precision", description.precision},
      {"kernels", description.kernels},
      {"threads", description.threads},
      {"ranks", description.ranks},
      {"host", host_name()},
      {"cpu", cpu_model()},
      {"mnist", build.version},
      {"git_revision", build.git_revision},
      {"compiler", build.compiler},
      {"build_type", build.build_type},
      {"libtorch", description.libtorch},
      {"sessions", Json::array({session(description)})},
  };
}

constexpr const char* kIncomplete = "incomplete";  // sessions are missing: the manifest was lost

// Sum over all sessions; null if one is unknown.
Json total_seconds(const Json& manifest) {
  double total = 0;
  if (manifest.contains(kIncomplete)) return nullptr;
  for (const Json& session : manifest["sessions"]) {
    if (!session.contains("seconds") || !session["seconds"].is_number()) return nullptr;
    total += session["seconds"].get<double>();
  }
  return total;
}

// Updates the duration of the last session and of the run.
void note_seconds(Json& manifest, std::chrono::steady_clock::time_point start) {
  constexpr double kMilli = 1000;
  manifest["sessions"].back()["seconds"] = std::round(seconds_since(start) * kMilli) / kMilli;
  manifest["seconds"] = total_seconds(manifest);
}

Json result_of(const std::optional<RunResult>& result) {
  if (!result || result->epochs == 0) return nullptr;
  const Evaluation& test = result->test;
  return {{"epochs", result->epochs},    {"epoch", result->epoch},  {"test_loss", test.loss},
          {"accuracy", test.accuracy()}, {"correct", test.correct}, {"total", test.total}};
}

// The hash of the model; a pipe cannot be read again.
Json model_of(const std::filesystem::path& model) {
  if (model.empty()) return nullptr;
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::absolute(model, ignored);
  Json json = {{"path", (whole.empty() ? model : whole).lexically_normal().string()}, {"sha256", nullptr}};
  if (!std::filesystem::is_regular_file(model, ignored)) return json;
  try {
    json["sha256"] = file_sha256(model, "model file");
  } catch (const Error&) {
    // Moved in the meantime: the run is finished all the same.
  }
  return json;
}

}  // namespace

RunDirectory::RunDirectory(std::filesystem::path path, std::string command)
    : path_(std::move(path)), command_(std::move(command)), lock_(lock_of(path_, command_)) {}

RunDirectory RunDirectory::numbered(const std::filesystem::path& runs, const std::string& arch,
                                    const std::string& command) {
  make_folder(runs, kHint);
  remove_stale_temporaries(runs);
  const std::filesystem::path note = runs / fmt::format(".last-{}", arch);
  for (int number = last_number(runs, arch, note) + 1;; ++number) {
    const std::filesystem::path path = runs / fmt::format("{}-{}", arch, number);
    std::error_code error;
    // If two runs start at once, only one of them creates the folder.
    if (std::filesystem::create_directory(path, error)) {
      write_file_atomically(note, fmt::format("{}\n", number));
      return {path, command};
    }
    if (error) throw data_error(fmt::format("cannot create the folder {}: {}", quoted(path), error.message()), kHint);
  }
}

void RunDirectory::check(const std::filesystem::path& path) {
  remove_stale_temporaries(path);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored)) {
    if (entry.path().filename() == ".lock") continue;  // left by a process that was killed before it wrote other files
    const bool is_run = read_summary(path).has_value();
    // Throws if another process is active there; it may not have written a manifest yet.
    if (is_run || std::filesystem::exists(path / ".lock", ignored)) const FolderLock probe = lock_of(path, "");
    throw usage_error(fmt::format("the run directory {} is not empty", quoted(path)),
                      is_run ? "add --resume auto to continue the run in it, or choose another location with --run-dir"
                             : "choose another location with --run-dir; it is created if it is missing");
  }
}

RunDirectory RunDirectory::at(const std::filesystem::path& path, const std::string& command) {
  check(path);
  make_folder(path, kHint);
  return {path, command};
}

RunDirectory RunDirectory::existing(const std::filesystem::path& path, const std::string& command) {
  return {path, command};
}

void RunDirectory::ensure() {
  if (lock_.is_held()) return;
  make_folder(path_, kHint);
  lock_ = lock_of(path_, command_);
  std::error_code ignored;
  // Needed to find the run.
  if (!manifest_.empty() && !std::filesystem::exists(path_ / "manifest.json", ignored)) write_manifest();
}

void RunDirectory::begin(const RunDescription& description) {
  start_ = description.start;
  Json manifest = manifest_of(description);
  note_seconds(manifest, start_);
  manifest_ = text_of(manifest);
  // First, so that the run is known if this process is killed.
  write_manifest();
  write_file_atomically(path_ / "config.toml", description.config);
}

void RunDirectory::resume(const RunDescription& description, std::int64_t epoch, std::int64_t step,
                          const std::optional<RunResult>& result) {
  start_ = description.start;
  Json manifest;
  try {
    manifest = Json::parse(read_file(path_ / "manifest.json", "manifest", kMaxManifest));
    manifest.at("sessions").push_back(session(description));
  } catch (const std::exception&) {
    manifest = manifest_of(description);  // a lost manifest must not end the run
    manifest[kIncomplete] = true;
  }
  manifest["sessions"].back()["from_epoch"] = epoch;
  manifest["sessions"].back()["from_step"] = step;
  manifest["outcome"] = text_of(Outcome::running);
  for (const char* key : {"finished", "exit_reason", "exit_code", "model"}) manifest[key] = nullptr;
  manifest["result"] = result_of(result);
  note_seconds(manifest, start_);
  manifest_ = text_of(manifest);
  write_file_atomically(path_ / "config.toml", description.config);
  write_manifest();
}

void RunDirectory::note(const RunResult& result) {
  Json manifest = Json::parse(manifest_);
  manifest["result"] = result_of(result);
  note_seconds(manifest, start_);
  manifest_ = text_of(manifest);
  write_manifest();
}

void RunDirectory::end(const RunEnd& end) {
  ensure();
  Json manifest = Json::parse(manifest_);
  for (Json* const part : {&manifest, &manifest["sessions"].back()}) {
    (*part)["outcome"] = text_of(end.outcome, end.is_error ? end.reason : "");
    (*part)["finished"] = utc_time();
    (*part)["exit_reason"] = end.reason;
    (*part)["exit_code"] = end.exit_code;
    (*part)["peak_memory_bytes"] = peak_memory_bytes();
  }
  if (end.result) manifest["result"] = result_of(end.result);
  manifest["model"] = model_of(end.model);
  note_seconds(manifest, start_);
  manifest_ = text_of(manifest);
  write_manifest();
}

void RunDirectory::write_manifest() const {
  write_file_atomically(path_ / "manifest.json", manifest_ + "\n");
}

Outcome outcome_from_text(const std::string& text) {
  const auto found = std::ranges::find(kOutcomes, std::string_view(text).substr(0, text.find(':')));
  if (found == kOutcomes.end()) throw std::out_of_range("unknown outcome");
  return static_cast<Outcome>(found - kOutcomes.begin());
}

std::optional<RunSummary> read_summary(const std::filesystem::path& run) {
  try {
    const Json manifest = Json::parse(read_file(run / "manifest.json", "manifest", kMaxManifest));
    RunSummary summary{.path = run,
                       .arch = manifest.at("arch"),
                       .outcome = outcome_from_text(manifest.at("outcome")),
                       .last_started = manifest.at("started")};
    if (const Json sessions = manifest.value("sessions", Json::array()); !sessions.empty()) {
      summary.last_started = sessions.back().at("started");
    }
    if (const Json& model = manifest.value("model", Json()); model.is_object()) {
      // Null if the model was written to a pipe.
      if (const Json& sha256 = model.value("sha256", Json()); sha256.is_string()) summary.model_sha256 = sha256;
    }
    return summary;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::optional<RunSummary> newest_unfinished(const std::filesystem::path& runs, const std::string& arch) {
  std::vector<RunSummary> candidates;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(runs, ignored)) {
    std::optional<RunSummary> summary = read_summary(entry.path());
    const bool fits = summary && (arch.empty() || summary->arch == arch) && summary->outcome != Outcome::finished &&
                      summary->outcome != Outcome::diverged;
    if (fits && !checkpoint_files(entry.path() / "checkpoints").empty()) candidates.push_back(*std::move(summary));
  }
  const auto key = [](const RunSummary& summary) { return std::tie(summary.last_started, summary.path); };
  std::ranges::sort(candidates, [&](const auto& one, const auto& other) { return key(one) > key(other); });
  const auto free =
      std::ranges::find_if(candidates, [](const RunSummary& summary) { return !is_locked(summary.path); });
  return free == candidates.end() ? std::nullopt : std::optional(*free);
}

}  // namespace mnist
