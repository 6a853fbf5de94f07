// mnist runs: lists runs.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "mnist/core/csv.hpp"
#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/report/progress.hpp"

#include "command.hpp"
#include "open_data.hpp"
#include "options.hpp"
#include "print.hpp"
#include "run_figures.hpp"
#include "table.hpp"

namespace mnist::cli {
namespace {

struct RunsOptions {
  std::vector<std::filesystem::path> folders;
  std::string arch;
  std::string dataset;
  std::string state;
  std::string sort = "started";
  std::string format = "text";
};

// The runs in a folder, which may be one itself.
void add_runs(const std::filesystem::path& folder, std::vector<RunFigures>& runs, int& skipped, spdlog::logger& log) {
  const auto add = [&](const std::filesystem::path& path) {
    try {
      runs.push_back(figures_of(path));
    } catch (const Error& error) {
      log.warn("{}; it is not listed", error.what());
      ++skipped;
    }
  };
  std::ranges::for_each(runs_in(folder), add);
}

// The best first: the newest, the most accurate, the fastest with an epoch; names in their order.
void sort_runs(std::vector<RunFigures>& runs, const std::string& key) {
  std::ranges::stable_sort(runs, {}, [](const RunFigures& run) { return run.record.path; });
  if (key == "started") {
    std::ranges::stable_sort(runs, std::greater<>(), [](const RunFigures& run) { return run.record.manifest.started; });
  } else if (key == "accuracy") {
    std::ranges::stable_sort(runs, std::greater<>(),
                             [](const RunFigures& run) { return run.best_accuracy.value_or(-1); });
  } else if (key == "time") {
    std::ranges::stable_sort(runs, {}, [](const RunFigures& run) {
      const std::optional<double>& seconds = run.record.manifest.seconds;
      return std::pair(!seconds || run.epochs == 0, seconds.value_or(0));
    });
  }
}

std::string runs_text(const std::vector<RunFigures>& runs) {
  std::vector<TableRow> rows;
  const std::string asterisk = asterisk_text(runs);
  for (const RunFigures& run : runs) {
    const RunManifest& manifest = run.record.manifest;
    rows.push_back({run.record.path.string(), manifest.arch, manifest.dataset,
                    fmt::format("{}/{}", run.epochs, run.planned_epochs > 0 ? std::to_string(run.planned_epochs) : "?"),
                    accuracy_text(run, run.best_accuracy) + (asterisk.empty() || run.on_part ? "" : " "),
                    manifest.seconds ? short_duration(*manifest.seconds) : "-", short_device(manifest),
                    run.record.state()});
  }
  // The run is never shortened: people copy it to other commands.
  return table_text({{"run"},
                     {"network", Align::left, /*shrinks=*/true},
                     {"data", Align::left, /*shrinks=*/true},
                     {"epochs", Align::right},
                     {"best", Align::right},
                     {"time", Align::right},
                     {"device"},
                     {"state"}},
                    rows, table_width()) +
         asterisk;
}

// The keys of the JSON form are the columns.
std::string runs_csv(const std::vector<RunFigures>& runs) {
  std::vector<std::string> keys;
  const nlohmann::ordered_json empty = run_json({});
  for (const auto& [key, value] : empty.items()) keys.push_back(key);
  std::string text = fmt::format("{}\n", fmt::join(keys, ","));
  for (const RunFigures& run : runs) {
    std::vector<std::string> fields;
    const nlohmann::ordered_json json = run_json(run);
    for (const auto& [key, value] : json.items()) {
      fields.push_back(value.is_null() ? "" : value.is_string() ? csv_field(value.get<std::string>()) : value.dump());
    }
    text += fmt::format("{}\n", fmt::join(fields, ","));
  }
  return text;
}

int run_runs(const RunsOptions& options, const Context& context) {
  std::vector<RunFigures> runs;
  int skipped = 0;
  std::error_code ignored;
  const std::filesystem::path usual = "runs";
  if (!options.folders.empty()) {
    for (const std::filesystem::path& folder : options.folders) add_runs(folder, runs, skipped, context.log);
  } else if (std::filesystem::exists(usual, ignored)) {
    add_runs(usual, runs, skipped, context.log);
  }
  const std::size_t all = runs.size();
  const auto differs = [](const std::string& wanted, const std::string& value) {
    return !wanted.empty() && wanted != value;
  };
  std::erase_if(runs, [&](const RunFigures& run) {
    return differs(options.arch, run.record.manifest.arch) || differs(options.dataset, run.record.manifest.dataset) ||
           differs(options.state, run.record.state());
  });
  sort_runs(runs, options.sort);
  if (runs.empty() && all > 0) {
    context.log.info("none of the runs fits the filters");
  } else if (runs.empty() && skipped == 0) {
    context.log.info("there are no runs {}; mnist train writes them to the folder 'runs'",
                     options.folders.empty() ? "here" : "in " + quoted(options.folders.front()));
  }
  if (options.format == "text") {
    if (!runs.empty()) print(runs_text(runs));
  } else if (options.format == "csv") {
    print_lines(runs_csv(runs));
  } else {
    for (const RunFigures& run : runs) {
      print(run_json(run).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
    }
  }
  return 0;
}

}  // namespace

Command add_runs(CLI::App& root) {
  CLI::App* app = root.add_subcommand("runs", "List runs: network, data, epochs, best accuracy, time, state");
  const auto options = std::make_shared<RunsOptions>();
  RunsOptions& o = *options;
  app->add_option("DIR", o.folders, "run directories, or folders that contain them (default: runs)")
      ->type_name("DIR")
      ->take_all();
  one_of(app->add_option("--arch", o.arch, "only runs of this network"), model_names());
  one_of(app->add_option("--dataset", o.dataset, "only runs on this data set"), all_dataset_names());
  one_of(app->add_option("--state", o.state, "only runs in this state; interrupted includes killed ones"),
         {"running", "interrupted", "finished", "failed", "diverged"});
  one_of(app->add_option("--sort", o.sort, "order: the newest, the most accurate or the fastest first, or by name"),
         {"started", "accuracy", "time", "name"});
  add_format(*app, o.format, {"text", "json", "csv"});
  return {app, [options](const Context& context) { return run_runs(*options, context); }};
}

}  // namespace mnist::cli
