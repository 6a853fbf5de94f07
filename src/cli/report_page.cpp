#include "report_page.hpp"

#include <algorithm>
#include <system_error>

#include <ATen/ops/tensor.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/output.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/text.hpp"
#include "mnist/core/version.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/data/prepare.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/report/checkpoints.hpp"
#include "mnist/report/pictures.hpp"
#include "mnist/train/calibration.hpp"

#include "print.hpp"
#include "run_figures.hpp"

namespace mnist::cli {
namespace {

// `items`: the evaluated items, in the order of the report.
std::vector<PageMistake> confident_mistakes(const PageEvaluation& evaluation, const torch::Tensor& items,
                                            const OpenedData& data, const Preprocessing& preprocessing) {
  constexpr std::size_t kMost = 24;
  constexpr std::int64_t kLongestSide = 128;  // pixels
  constexpr std::int64_t kNoEpoch = 0;        // no random augmentation
  const std::vector<Answer> mistakes = evaluation.report.surest_mistakes(kMost);
  if (mistakes.empty()) return {};
  std::vector<std::int64_t> chosen;
  chosen.reserve(mistakes.size());
  for (const Answer& mistake : mistakes) chosen.push_back(items[mistake.item].item<std::int64_t>());
  data.batches->start(at::tensor(chosen), kNoEpoch);
  const torch::Tensor pixels =
      denormalize(data.batches->get(0, static_cast<std::int64_t>(chosen.size())).inputs, preprocessing);
  const auto class_name = [&](std::int64_t index) { return evaluation.class_names[static_cast<std::size_t>(index)]; };
  std::vector<PageMistake> shown;
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    const Answer& mistake = mistakes[i];
    const auto item = static_cast<std::size_t>(chosen[i]);
    shown.push_back({data.paths.empty() ? fmt::format("item {}", item) : data.paths[item].filename().string(),
                     shrink_to(pixels[static_cast<std::int64_t>(i)], kLongestSide), class_name(mistake.truth),
                     class_name(mistake.predicted), mistake.probability, mistake.probability_of_truth});
  }
  return shown;
}

std::string program_name() {
  return "mnist " + build_info().version;
}

// How to use a model. `data_dir`: empty if it is unknown.
std::vector<PageFact> model_commands(const std::filesystem::path& model, const std::filesystem::path& data_dir,
                                     const std::string& program) {
  const std::string file = quoted_for_shell(model.string());
  const std::string data = data_dir.empty() ? "" : " --data-dir " + quoted_for_shell(data_dir.string());
  return {{"Classify an image", fmt::format("{} infer --model {} --image IMAGE", program, file)},
          {"Evaluate the model", fmt::format("{} evaluate --model {}{}", program, file, data)}};
}

// Whether the printed lines of a run of this network count epochs from 0. Manifests may have any name.
bool counts_from_zero(const std::string& arch) {
  return std::ranges::any_of(models(), [&](const ModelInfo& info) { return info.name == arch && info.prints_phases; });
}

std::vector<PageFact> run_commands(const RunFigures& run, const std::string& program) {
  std::vector<PageFact> commands;
  const std::filesystem::path& folder = run.record.path;
  const auto quote = [](const std::filesystem::path& path) { return quoted_for_shell(path.string()); };
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::absolute(folder, ignored).lexically_normal();
  const std::filesystem::path model = model_of_run(run);
  const auto data = run.options.find("data-dir");
  if (!model.empty()) {
    commands = model_commands(model, data == run.options.end() ? "" : data->second, program);
  }
  const std::string state = run.record.state();
  if (state != "finished" && state != "diverged" && !checkpoint_files(folder / "checkpoints").empty()) {
    commands.emplace_back(state == "running" ? "Resume the run, if it was killed" : "Resume the run",
                          fmt::format("{} train --resume {}", program, quote(whole)));
  }
  const bool from_stream = data != run.options.end() && is_stream(data->second);  // it cannot be read again
  if (!from_stream) {
    commands.emplace_back("Repeat the run", fmt::format("{} train --config {}", program, quote(whole / "config.toml")));
  }
  return commands;
}

}  // namespace

std::filesystem::path page_path(const std::filesystem::path& run) {
  return run / "report.html";
}

std::string data_name(const std::string& dataset, const std::filesystem::path& data_dir) {
  if (dataset != kFolder || data_dir.empty()) return dataset;
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::absolute(data_dir, ignored).lexically_normal();
  const std::filesystem::path name = whole.has_filename() ? whole.filename() : whole.parent_path().filename();
  return name.empty() ? dataset : fmt::format("{} {}", dataset, name.string());
}

std::filesystem::path evaluation_path(const std::filesystem::path& run) {
  return run / "evaluation.json";
}

std::string mark_of(const RunFigures& run) {
  return fmt::format("started {} (UTC)</p>", run.record.manifest.started);
}

PageEvaluation evaluate_for_page(Network& network, Batches& inputs, const OpenedData& data, EvaluationOptions options,
                                 const Recipe& recipe, const std::string& data_name) {
  const auto classes = static_cast<std::int64_t>(recipe.class_names.size());
  PageEvaluation page{.data = data_name,
                      .evaluation = {},
                      .report = ClassificationReport(classes, /*top_k=*/1),
                      .class_names = recipe.class_names,
                      .mistakes = {},
                      .temperature = recipe.temperature};
  options.each_batch = [&](const torch::Tensor& log_probabilities, const torch::Tensor& targets) {
    page.report.add(at_temperature(log_probabilities, recipe.temperature), targets);
  };
  page.evaluation = evaluate(network, inputs, options);
  if (page.evaluation.stopped) throw Stopped();
  page.mistakes = confident_mistakes(page, evaluated_items(inputs.size(), options), data, recipe.preprocessing);
  return page;
}

StoredEvaluation stored(PageEvaluation page, const std::string& model_sha256, const torch::Tensor& items,
                        const OpenedData& data) {
  StoredEvaluation result{
      .model_sha256 = model_sha256, .data_sha256 = data.fingerprint, .items = {}, .page = std::move(page)};
  const torch::Tensor row = items.contiguous();
  const auto* const first = row.const_data_ptr<std::int64_t>();
  result.items.assign(first, first + row.numel());
  if (data.paths.empty()) return result;
  result.files.reserve(result.items.size());
  for (const std::int64_t item : result.items) {
    result.files.push_back(data.paths[static_cast<std::size_t>(item)].string());
  }
  return result;
}

std::optional<StoredEvaluation> evaluation_of_run(const std::filesystem::path& run, const std::string& model_sha256) {
  std::optional<StoredEvaluation> found = read_evaluation(evaluation_path(run));
  return found && found->model_sha256 == model_sha256 ? std::move(found) : std::nullopt;
}

bool is_evaluation_of(const StoredEvaluation& stored, const OpenedData& data) {
  return stored.data_sha256 == data.fingerprint && std::ssize(stored.items) == data.batches->size() &&
         std::ranges::all_of(stored.items, [&](std::int64_t item) { return item >= 0 && item < data.batches->size(); });
}

void add_mistakes(StoredEvaluation& stored, const LoadedModel& model, const OpenedData& data) {
  stored.page.mistakes = confident_mistakes(stored.page, at::tensor(stored.items), data, model.recipe.preprocessing);
}

std::vector<PageFact> model_facts(const Recipe& recipe, std::int64_t parameters) {
  std::vector<PageFact> facts = {
      {"Network", recipe.arch},
      {"Parameters", with_thousands(parameters)},
      {"Classes", fmt::format("{}", fmt::join(recipe.class_names, ", "))},
      {"Input", fmt::format("{} x {} pixels, {}", recipe.preprocessing.width, recipe.preprocessing.height,
                            recipe.preprocessing.channels == 1 ? "grey" : "RGB")}};
  const TrainingSummary& training = recipe.training;
  if (!training.dataset.empty()) {
    facts.emplace_back("Trained on",
                       fmt::format("{}{}, epochs {}, seed {}", training.dataset,
                                   training.val_split > 0 ? fmt::format(", --val-split {:g}", training.val_split) : "",
                                   training.epochs, training.seed));
  }
  if (recipe.temperature != 1) facts.emplace_back("Temperature", fmt::format("{:.3f}", recipe.temperature));
  for (const Ancestor& ancestor : training.ancestry) facts.emplace_back("Began from", ancestor.file);
  return facts;
}

void write_run_page(const RunFigures& figures, const PageEvaluation* evaluation, const std::vector<PageFact>& model,
                    const std::string& program, const std::filesystem::path& output) {
  const auto data = figures.options.find("data-dir");
  const RunManifest& manifest = figures.record.manifest;
  PageContent content{
      .title = fmt::format("{}: {} on {}", figures.name, manifest.arch,
                           data_name(manifest.dataset, data == figures.options.end() ? "" : data->second)),
      .run = &figures.record,
      .evaluation = evaluation,
      .model = model,
      .commands = run_commands(figures, program),
      .program = program_name(),
      .written = utc_time(),
      .on_part = figures.on_part,
      .lines_from_zero = counts_from_zero(manifest.arch)};
  for (const auto& [name, value] : figures.options) content.options.emplace_back("--" + name, value);
  write_output(output, page_html(content));
}

void write_run_files(const std::filesystem::path& run, const PageEvaluation* evaluation,
                     const std::vector<PageFact>& model, const std::string& program) {
  const RunFigures figures = figures_of(run, /*with_steps=*/true);
  write_run_page(figures, evaluation, model, program, page_path(run));
  draw_curves(run / "training_statistics.png", figures.record);
}

void EpochPage::write() {
  const auto start = std::chrono::steady_clock::now();
  if (start < next_) return;
  write_run_files(run_, nullptr, {}, program_);
  const auto end = std::chrono::steady_clock::now();
  constexpr int kPauses = 20;
  next_ = end + kPauses * (end - start);
}

void write_model_page(const std::filesystem::path& model, const PageEvaluation& evaluation,
                      const std::vector<PageFact>& facts, const std::string& arch, const std::string& dataset,
                      const std::filesystem::path& data_dir, const std::string& program,
                      const std::filesystem::path& output) {
  write_output(output, page_html({.title = fmt::format("{}: {} on {}", model.filename().string(), arch, dataset),
                                  .evaluation = &evaluation,
                                  .model = facts,
                                  .commands = model_commands(model, data_dir, program),
                                  .program = program_name(),
                                  .written = utc_time()}));
}

}  // namespace mnist::cli
