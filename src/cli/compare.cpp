// mnist compare: what differs between runs, in options and in figures.
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/report/pictures.hpp"
#include "mnist/report/progress.hpp"

#include "command.hpp"
#include "options.hpp"
#include "print.hpp"
#include "run_figures.hpp"
#include "table.hpp"

namespace mnist::cli {
namespace {

using CompareJson = nlohmann::ordered_json;

struct CompareOptions {
  std::vector<std::filesystem::path> runs;
  std::filesystem::path curves;  // empty: none
  std::string format = "text";
};

std::string option_value(const RunFigures& run, const std::string& option) {
  const auto found = run.options.find(option);
  return found == run.options.end() ? "-" : found->second;
}

// Names of the options that are not the same in all runs, without those that change no figure.
std::vector<std::string> different_options(const std::vector<RunFigures>& runs) {
  std::set<std::string> names;
  for (const RunFigures& run : runs) {
    for (const auto& [name, value] : run.options) names.insert(name);
  }
  std::erase_if(names, [&](const std::string& name) {
    return !changes_figures(name) || std::ranges::all_of(runs, [&](const RunFigures& run) {
      return option_value(run, name) == option_value(runs.front(), name);
    });
  });
  return {names.begin(), names.end()};
}

struct Spread {
  double mean = 0;
  double deviation = 0;  // of the sample: divided by n - 1
};

Spread spread_of(const std::vector<double>& values) {
  Spread spread;
  for (const double value : values) spread.mean += value / static_cast<double>(values.size());
  for (const double value : values) {
    spread.deviation += (value - spread.mean) * (value - spread.mean) / static_cast<double>(values.size() - 1);
  }
  spread.deviation = std::sqrt(spread.deviation);
  return spread;
}

// Runs that differ in the seed only, and have as many epochs.
struct SeedGroup {
  std::vector<const RunFigures*> runs;
  Spread accuracy;  // of the weights that the runs give
  Spread test_loss;
};

std::vector<SeedGroup> seed_groups(const std::vector<RunFigures>& runs) {
  std::map<std::string, std::vector<const RunFigures*>> by_options;
  for (const RunFigures& run : runs) {
    if (!run.accuracy || !run.test_loss || run.options.empty()) continue;
    std::string key = fmt::format("{} {} {}\n", run.epochs, run.record.manifest.device, run.record.manifest.precision);
    for (const auto& [name, value] : run.options) {
      if (name != "seed" && changes_figures(name)) key += fmt::format("{}={}\n", name, value);
    }
    by_options[key].push_back(&run);
  }
  std::vector<SeedGroup> groups;
  for (const auto& [key, members] : by_options) {
    std::set<std::uint64_t> seeds;
    std::vector<double> accuracies;
    std::vector<double> losses;
    SeedGroup group;
    for (const RunFigures* run : members) {
      // The same seed twice is the same run twice, and would make the deviation look small.
      if (!seeds.insert(run->record.manifest.seed).second) continue;
      group.runs.push_back(run);
      accuracies.push_back(*run->accuracy);
      losses.push_back(*run->test_loss);
    }
    if (seeds.size() < 2) continue;
    group.accuracy = spread_of(accuracies);
    group.test_loss = spread_of(losses);
    groups.push_back(std::move(group));
  }
  return groups;
}

using Row = std::pair<std::string, std::vector<std::string>>;  // a heading and a cell per run

std::vector<Row> option_rows(const std::vector<RunFigures>& runs) {
  std::vector<Row> rows;
  for (const std::string& name : different_options(runs)) {
    Row row{"--" + name, {}};
    for (const RunFigures& run : runs) row.second.push_back(option_value(run, name));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> figure_rows(const std::vector<RunFigures>& runs) {
  std::vector<Row> rows;
  const auto add = [&](const std::string& heading, const auto& text_of) {
    Row row{heading, {}};
    for (const RunFigures& run : runs) row.second.push_back(text_of(run));
    rows.push_back(std::move(row));
  };
  const auto number = [](const std::optional<double>& value, int digits) {
    return value ? fmt::format("{:.{}f}", *value, digits) : "-";
  };
  add("state", [](const RunFigures& run) { return run.record.state(); });
  add("epochs", [](const RunFigures& run) { return std::to_string(run.epochs); });
  add("best accuracy", [](const RunFigures& run) { return accuracy_text(run, run.best_accuracy); });
  add("  in epoch", [](const RunFigures& run) { return run.best_accuracy ? std::to_string(run.best_epoch) : "-"; });
  add("accuracy", [](const RunFigures& run) { return accuracy_text(run, run.accuracy); });
  add("test loss", [&](const RunFigures& run) { return number(run.test_loss, 4); });
  add("time", [](const RunFigures& run) {
    const std::optional<double>& seconds = run.record.manifest.seconds;
    return seconds ? short_duration(*seconds) : "-";
  });
  add("images/s", [&](const RunFigures& run) { return number(run.images_per_second, 0); });
  add("device", [](const RunFigures& run) { return short_device(run.record.manifest); });
  add("precision", [](const RunFigures& run) { return run.record.manifest.precision; });
  return rows;
}

// Side by side, in parts of as many runs as fit.
std::string side_by_side(const std::vector<RunFigures>& runs, const std::string& heading,
                         const std::vector<Row>& rows) {
  constexpr std::size_t kCell = 8;
  constexpr std::size_t kGap = 2;
  const std::size_t width = table_width();
  std::size_t first = heading.size();
  for (const Row& row : rows) first = std::max(first, row.first.size());
  const std::size_t at_once = std::max<std::size_t>(1, width > first ? (width - first) / (kCell + kGap) : 1);
  std::string text;
  for (std::size_t begin = 0; begin < runs.size(); begin += at_once) {
    const std::size_t end = std::min(begin + at_once, runs.size());
    std::vector<TableColumn> columns{{heading}};
    for (std::size_t i = begin; i < end; ++i) columns.push_back({runs[i].name, Align::right, /*shrinks=*/true});
    std::vector<TableRow> cells;
    for (const Row& row : rows) {
      TableRow line{row.first};
      line.insert(line.end(), row.second.begin() + static_cast<std::ptrdiff_t>(begin),
                  row.second.begin() + static_cast<std::ptrdiff_t>(end));
      cells.push_back(std::move(line));
    }
    text += table_text(columns, cells, width) + '\n';
  }
  return text;
}

std::string group_text(const SeedGroup& group) {
  std::vector<std::string> names;
  std::vector<std::uint64_t> seeds;
  for (const RunFigures* run : group.runs) {
    names.push_back(printable(run->name));
    seeds.push_back(run->record.manifest.seed);
  }
  return fmt::format("{} (seeds {}): accuracy {:.2f} ± {:.2f} %{}, test loss {:.4f} ± {:.4f}\n", fmt::join(names, ", "),
                     fmt::join(seeds, ", "), 100 * group.accuracy.mean, 100 * group.accuracy.deviation,
                     group.runs.front()->on_part ? "*" : "", group.test_loss.mean, group.test_loss.deviation);
}

std::string compare_text(const std::vector<RunFigures>& runs) {
  const std::vector<Row> options = option_rows(runs);
  const bool known = std::ranges::none_of(runs, [](const RunFigures& run) { return run.options.empty(); });
  std::string text = !options.empty() ? side_by_side(runs, "option", options)
                     : known          ? "The runs have the same options\n\n"
                                      : "";
  text += side_by_side(runs, "figure", figure_rows(runs));
  if (const std::string asterisk = asterisk_text(runs); !asterisk.empty()) {
    text.pop_back();  // the line is part of the table
    text += asterisk + '\n';
  }
  const std::vector<SeedGroup> groups = seed_groups(runs);
  if (!groups.empty()) text += "Mean and standard deviation of runs that differ in the seed only:\n";
  for (const SeedGroup& group : groups) text += group_text(group);
  if (groups.empty()) text.pop_back();  // the empty line at the end
  return text;
}

std::string compare_json(const std::vector<RunFigures>& runs) {
  CompareJson json = {
      {"runs", CompareJson::array()}, {"options", CompareJson::object()}, {"seeds", CompareJson::array()}};
  for (const RunFigures& run : runs) json["runs"].push_back(run_json(run));
  for (const std::string& name : different_options(runs)) {
    for (const RunFigures& run : runs) json["options"][name].push_back(option_value(run, name));
  }
  for (const SeedGroup& group : seed_groups(runs)) {
    CompareJson entry = {{"runs", CompareJson::array()},
                         {"accuracy_mean", group.accuracy.mean},
                         {"accuracy_sd", group.accuracy.deviation},
                         {"test_loss_mean", group.test_loss.mean},
                         {"test_loss_sd", group.test_loss.deviation}};
    for (const RunFigures* run : group.runs) entry["runs"].push_back(run->record.path.string());
    json["seeds"].push_back(std::move(entry));
  }
  return json.dump(-1, ' ', false, CompareJson::error_handler_t::replace) + "\n";
}

// Runs of the same name are called by their paths.
void name_apart(std::vector<RunFigures>& runs) {
  std::map<std::string, int> count;
  for (const RunFigures& run : runs) ++count[run.name];
  for (RunFigures& run : runs) {
    if (count[run.name] > 1) run.name = run.record.path.string();
  }
}

void draw_curves_of(const std::vector<RunFigures>& runs, const std::filesystem::path& path, spdlog::logger& log) {
  std::vector<ComparedRun> compared;
  compared.reserve(runs.size());
  for (const RunFigures& run : runs) compared.push_back({run.name, &run.record});
  if (runs.size() > kDistinctSeries) {
    log.warn("{} runs in one picture: some have the same colour and mark; {} can be told apart", runs.size(),
             kDistinctSeries);
  }
  draw_comparison(path, compared);
  log.info("curves: {}", quoted(path));
}

// A folder that is not a run stands for the runs in it.
std::vector<RunFigures> figures_of_all(const std::vector<std::filesystem::path>& folders) {
  std::vector<RunFigures> runs;
  for (const std::filesystem::path& folder : folders) {
    const std::vector<std::filesystem::path> paths = runs_in(folder);
    if (paths.empty()) runs.push_back(figures_of(folder));  // throws why it is none
    for (const std::filesystem::path& path : paths) runs.push_back(figures_of(path));
  }
  return runs;
}

int run_compare(const CompareOptions& options, spdlog::logger& log) {
  check_is_picture("--curves", options.curves);
  std::vector<RunFigures> runs = figures_of_all(options.runs);
  if (runs.size() < 2) {
    throw usage_error(fmt::format("compare needs at least two runs, and {} given", runs.empty() ? "none is" : "one is"),
                      "give their folders, or a folder of runs: mnist compare runs/cnn-1 runs/cnn-2");
  }
  prepare_output(options.curves, log);
  name_apart(runs);
  for (const RunFigures& run : runs) {
    if (run.options.empty()) {
      log.warn("{} cannot be read: the options of this run are unknown", quoted(run.record.path / "config.toml"));
    }
  }
  print(options.format == "json" ? compare_json(runs) : compare_text(runs));
  if (!options.curves.empty()) draw_curves_of(runs, options.curves, log);
  return 0;
}

}  // namespace

Command add_compare(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("compare", "Compare runs: options that differ, figures side by side, mean over seeds");
  const auto options = std::make_shared<CompareOptions>();
  app->add_option("RUN", options->runs, "run directories, at least two, or folders of them")
      ->type_name("DIR")
      ->take_all();
  not_empty(app->add_option("--curves", options->curves,
                            "draw loss and accuracy of the runs over their epochs to this file, PNG or SVG"))
      ->type_name("FILE");
  add_format(*app, options->format, {"text", "json"});
  return {app, [options](const Context& context) { return run_compare(*options, context.log); }};
}

}  // namespace mnist::cli
