#include "evaluation_data.hpp"

#include <algorithm>
#include <cmath>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"

#include "find_pictures.hpp"

namespace mnist::cli {
namespace {

// Throws if the model and the data set have different classes.
void check_classes(const LoadedModel& model, const std::vector<std::string>& class_names, const std::string& dataset,
                   const std::filesystem::path& path) {
  const std::vector<std::string>& known = model.recipe.class_names;
  if (known.size() != class_names.size()) {
    throw data_error(
        fmt::format("{} has {}, the data set {} has {}", quoted(path), counted(std::ssize(known), "class"), dataset,
                    class_names.size()),
        "name the data set that the model was trained on with --dataset and --data-dir, or train it on these "
        "classes first: mnist train --weights FILE");
  }
  if (dataset == kFolder && model.names_its_classes && known != class_names && model.class_ids != class_names) {
    throw data_error(fmt::format("{} was trained on the classes {}, the folder has {}", quoted(path),
                                 fmt::join(known, ", "), fmt::join(class_names, ", ")),
                     "name the folder that the model was trained on with --data-dir");
  }
}

bool is_divided(const DataOptions& options) {
  return options.dataset == kFolder && options.val_split > 0 && !has_split_folders(options.data_dir);
}

// The part of the data set that is evaluated, as the results name it.
std::string part_of(const DataOptions& options, Split split) {
  std::error_code ignored;
  const bool divided = is_divided(options);
  if (options.dataset == kFolder && !divided && !has_split_folders(options.data_dir)) return "All images";
  if (split == Split::train) return "Training set";
  const bool validates = options.dataset == kFolder && std::filesystem::is_directory(options.data_dir / "val", ignored);
  return divided || validates ? "Validation set" : "Test set";
}

// The model's --val-split divided pictures that may not be those of its training. `known`: SHA-256 of the latter.
void tell_other_pictures(const DataOptions& options, const std::string& known, const std::string& part,
                         spdlog::logger& log) {
  if (!is_divided(options) || known.empty()) return;
  log.warn(
      "{} is not the folder or list that the model was trained on; the model's --val-split {:g} gives this {}; to "
      "evaluate all pictures, use --val-split 0",
      quoted(options.data_dir), options.val_split, lower_case(part));
}

// Another division than that of the training has pictures of both of its parts.
void tell_other_division(const DataOptions& options, const LoadedModel& model, spdlog::logger& log) {
  const TrainingSummary& training = model.recipe.training;
  if (training.dataset != kFolder || options.dataset != kFolder || training.val_split == 0) return;
  if (options.val_split == training.val_split) return;
  log.warn("the model was trained with --val-split {:g}: if these are the same pictures, it has seen most of them",
           training.val_split);
}

// Gives the pictures the labels of the model, if it has all of their classes.
void take_labels_of(const LoadedModel& model, PhotoFolder& folder, spdlog::logger& log) {
  const std::vector<std::string>& known = model.class_ids.empty() ? model.recipe.class_names : model.class_ids;
  if (!model.names_its_classes || folder.class_names.size() >= known.size()) return;
  std::vector<std::int64_t> labels;
  for (const std::string& name : folder.class_names) {
    const auto found = std::ranges::find(known, name);
    if (found == known.end()) return;
    labels.push_back(found - known.begin());
  }
  for (std::int64_t& label : folder.labels) label = labels[static_cast<std::size_t>(label)];
  log.info("{} of the model's {} have pictures", folder.class_names.size(), counted(std::ssize(known), "class"));
  folder.class_names = known;
}

// With the defaults of the model.
DataOptions with_defaults(const EvaluationDataOptions& options, const LoadedModel& model) {
  DataOptions data = options.data;
  data.dataset = options.dataset.value_or(dataset_of(model));
  data.val_split = options.val_split.value_or(model.recipe.training.val_split);
  if (options.val_split) check_val_split(*options.val_split, data);
  data.split_seed = static_cast<std::uint64_t>(model.recipe.training.seed);
  return data;
}

OpenedData open_split(const DataOptions& options, Split split, const LoadedModel& model, const c10::Device& device,
                      spdlog::logger& log) {
  const Opening opening{model.recipe.preprocessing, {}, device};
  if (options.dataset != kFolder) return open_dataset(options, split, opening);
  PhotoFolder pictures = find_pictures(options, split, log);
  take_labels_of(model, pictures, log);
  return open_pictures(std::move(pictures), options, opening, log);
}

}  // namespace

EvaluationData open_evaluation_data(const LoadedModel& model, const std::filesystem::path& path,
                                    const EvaluationDataOptions& options, const c10::Device& device,
                                    spdlog::logger& log) {
  const DataOptions data = with_defaults(options, model);
  EvaluationData result{.opened = open_split(data, options.split, model, device, log),
                        .dataset = data.dataset,
                        .part = part_of(data, options.split)};
  check_classes(model, result.opened.class_names, data.dataset, path);
  log.info("data: {} in {}, {}, {}", data.dataset, quoted(data.data_dir), lower_case(result.part),
           counted(result.opened.batches->size(), "image"));
  const TrainingSummary& training = model.recipe.training;
  if (!training.dataset.empty() && training.dataset != data.dataset) {
    log.warn("the model was trained on {}, not on {}", printable(training.dataset), data.dataset);
  }
  const std::string& known = options.split == Split::train ? training.train_sha256 : training.val_sha256;
  const bool same = known == result.opened.fingerprint;
  if (!options.val_split && !same) tell_other_pictures(data, known, result.part, log);
  tell_other_division(data, model, log);
  result.fitted = same && options.split == Split::test && model.recipe.temperature != 1;
  return result;
}

void check_finite_loss(const Evaluation& evaluation, const std::filesystem::path& path) {
  if (std::isfinite(evaluation.loss)) return;
  throw data_error(fmt::format("the model {} gives numbers that are not finite", quoted(path)),
                   "its weights are damaged, or its training diverged: use another model file");
}

}  // namespace mnist::cli
