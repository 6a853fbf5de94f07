// The figures of runs that `mnist runs` and `mnist compare` print.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "mnist/report/run_record.hpp"

namespace mnist::cli {

struct RunFigures {
  std::string name;  // the folder's name
  RunRecord record;
  std::map<std::string, std::string> options;  // of config.toml, without dashes; empty if it is missing or damaged
  std::int64_t epochs = 0;                     // finished
  std::int64_t planned_epochs = 0;             // 0: unknown
  std::optional<double> best_accuracy;         // on the test set, 0..1
  std::int64_t best_epoch = 0;                 // from 1
  std::optional<double> accuracy;              // of the weights that the run gives, 0..1
  std::optional<double> test_loss;             // of the same weights
  std::optional<double> images_per_second;     // of training, median over the epochs
  std::optional<std::int64_t> limit_batches;   // of config.toml; 0: all
  bool on_part = false;                        // the accuracies are of a part of the test images
};

// Throws as `read_run` does. `with_steps`: also the rows of intervals.
RunFigures figures_of(const std::filesystem::path& run, bool with_steps = false);

// The run directories that a folder stands for: itself if it is one, else those in it, in the order of their names;
// none if it has none. Throws a data `Error` if it cannot be read.
std::vector<std::filesystem::path> runs_in(const std::filesystem::path& folder);

// Whether an option of `mnist train`, without dashes, changes figures of the network.
bool changes_figures(std::string_view option);

// The model that the run wrote; empty if it wrote none, or if the file is missing or has another content now.
std::filesystem::path written_model(const RunManifest& manifest);

// The weights that the run gives: the model that it wrote, else those in its directory, with the whole path. Empty if
// there are none.
std::filesystem::path model_of_run(const RunFigures& run);

// "cpu", "cuda:0": the device without its description.
std::string short_device(const RunManifest& manifest);

// "99.18 %", or "-".
std::string percent_text(const std::optional<double>& share);

// An accuracy of the run as `percent_text`, with an asterisk if it is of a part of the test images.
std::string accuracy_text(const RunFigures& run, const std::optional<double>& accuracy);

// The line below a table that says what the asterisk means; empty if no run has one.
std::string asterisk_text(const std::vector<RunFigures>& runs);

// For --format json: one object. Null: unknown.
nlohmann::ordered_json run_json(const RunFigures& figures);

}  // namespace mnist::cli
