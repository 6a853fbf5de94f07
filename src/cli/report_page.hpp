// report.html of a run or a model: collects what the page shows (`report/page.hpp`).
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mnist/core/recipe.hpp"
#include "mnist/data/batches.hpp"
#include "mnist/predict/load_model.hpp"
#include "mnist/report/evaluation_file.hpp"
#include "mnist/report/page.hpp"
#include "mnist/train/evaluate.hpp"

#include "open_data.hpp"
#include "run_figures.hpp"

namespace mnist::cli {

// The file of a run.
std::filesystem::path page_path(const std::filesystem::path& run);

// The file of its evaluation.
std::filesystem::path evaluation_path(const std::filesystem::path& run);

// The data set as a page names it: "mnist", "folder hymenoptera_data". `data_dir`: empty if it is unknown.
std::string data_name(const std::string& dataset, const std::filesystem::path& data_dir);

// A text that only the pages of this run contain.
std::string mark_of(const RunFigures& run);

// Evaluates the network for a page. `options`: without `each_batch`. `inputs`: what the network computes with, images
// or features; the images of `data` are shown. Throws `Stopped`.
PageEvaluation evaluate_for_page(Network& network, Batches& inputs, const OpenedData& data, EvaluationOptions options,
                                 const Recipe& recipe, const std::string& data_name);

// The evaluation for the run directory. `items`: the evaluated ones, in the order of the report.
StoredEvaluation stored(PageEvaluation page, const std::string& model_sha256, const torch::Tensor& items,
                        const OpenedData& data);

// The evaluation that is stored in the run directory. Nothing if there is none, or if it is not of the model file with
// this hash.
std::optional<StoredEvaluation> evaluation_of_run(const std::filesystem::path& run, const std::string& model_sha256);

// Whether it is of all items of these data.
bool is_evaluation_of(const StoredEvaluation& stored, const OpenedData& data);

// Adds the pictures of the mistakes to an evaluation of these data.
void add_mistakes(StoredEvaluation& stored, const LoadedModel& model, const OpenedData& data);

// Facts of a model: network, parameters, training, weights it began from.
std::vector<PageFact> model_facts(const Recipe& recipe, std::int64_t parameters);

// Writes the page and the curves to the folder of a run, as it is now. `evaluation` and `model` may be missing.
// `program`: for commands. Throws a data `Error`.
void write_run_files(const std::filesystem::path& run, const PageEvaluation* evaluation,
                     const std::vector<PageFact>& model, const std::string& program);

// Writes only the page. `figures`: of the run, with its steps.
void write_run_page(const RunFigures& figures, const PageEvaluation* evaluation, const std::vector<PageFact>& model,
                    const std::string& program, const std::filesystem::path& output);

// Writes curves and page of a run after an epoch, but only as often as it takes a twentieth of the time: reading
// millions of rows takes seconds.
class EpochPage {
 public:
  EpochPage(std::filesystem::path run, std::string program) : run_(std::move(run)), program_(std::move(program)) {}

  // Throws a data `Error`.
  void write();

 private:
  std::filesystem::path run_;
  std::string program_;
  std::chrono::steady_clock::time_point next_{};
};

// Writes the page of a model without a run. `data_dir`: where the evaluated data are, for commands.
void write_model_page(const std::filesystem::path& model, const PageEvaluation& evaluation,
                      const std::vector<PageFact>& facts, const std::string& arch, const std::string& dataset,
                      const std::filesystem::path& data_dir, const std::string& program,
                      const std::filesystem::path& output);

}  // namespace mnist::cli
