#include "output_model.hpp"

#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/output.hpp"
#include "mnist/core/text.hpp"

#include "options.hpp"

namespace mnist::cli {
namespace {

// Why the model at `path` must not be replaced by that of `mine`; empty if it may.
std::string why_kept(const std::filesystem::path& path, const Recipe& mine) {
  std::optional<Recipe> theirs;
  try {
    theirs = read_model_file(path).recipe;
  } catch (const std::exception&) {  // an unknown file must not be destroyed
  }
  if (!theirs) return "it is not a model of this program";
  const TrainingSummary& a = mine.training;
  const TrainingSummary& b = theirs->training;
  const bool comparable = mine.arch == theirs->arch && mine.class_names == theirs->class_names &&
                          a.dataset == b.dataset && a.test_items == b.test_items;
  if (!comparable) return mine.arch != theirs->arch ? "it is of another network" : "it was tested on other images";
  if (a.correct >= b.correct && a.epochs >= b.epochs) return "";
  return fmt::format("it has {} of {} right after {}, the new one {} after {}", with_thousands(b.correct),
                     with_thousands(b.test_items), counted(b.epochs, "epoch"), with_thousands(a.correct), a.epochs);
}

}  // namespace

void check_output(const std::filesystem::path& path, spdlog::logger& log) {
  prepare_output(path, log);
  remove_stale_temporaries(folder_of(path));
}

void tell_of_old_model(const std::filesystem::path& path, bool overwrite, spdlog::logger& log) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return;
  const std::string kept = fmt::format("; if the old model is better, it is kept as {}",
                                       quoted(std::filesystem::path(path.string() + ".bak")));
  log.info("{} exists: this run replaces it at its end{}", quoted(path), overwrite ? "" : kept);
}

void keep_old_file(const std::filesystem::path& path, const std::string& why, spdlog::logger& log, FileSystem& files) {
  const std::filesystem::path backup = unused_path(path.string() + ".bak");
  // A second name for the old file, and not another name: at no moment is there none of the name `path`. Of a link
  // the file behind it, which is the one that is replaced.
  std::error_code failed;
  std::filesystem::create_hard_link(std::filesystem::canonical(path), backup, failed);
  if (failed) write_file_atomically(backup, read_file(path, "file"), files);
  log.warn("the old {} is kept as {}: {}", quoted(path), quoted(backup), why);
}

bool holds_content(const std::filesystem::path& path) {
  std::error_code ignored;
  return !is_stream(path) && std::filesystem::is_regular_file(path, ignored) &&
         !std::filesystem::is_empty(path, ignored);
}

void save_output(const std::filesystem::path& path, const NamedTensors& state, const Recipe& recipe,
                 PickleLayout layout, bool overwrite, const std::filesystem::path& rescue, spdlog::logger& log,
                 FileSystem& files) {
  std::error_code ignored;
  try {
    const bool is_there = std::filesystem::is_regular_file(path, ignored);
    if (const std::string why = is_there && !overwrite ? why_kept(path, recipe) : ""; !why.empty()) {
      keep_old_file(path, why, log, files);
    }
    write_model_file(path, state, recipe, layout, files);
    return;
  } catch (const std::exception& error) {
    log.error("{}", error.what());
  }
  const std::filesystem::path temporary = std::filesystem::temp_directory_path(ignored);
  for (const std::filesystem::path& folder : {rescue, temporary}) {
    const std::filesystem::path place = unused_path(folder / path.stem(), path.extension().string());
    try {
      write_model_file(place, state, recipe, layout, files);
    } catch (const std::exception& error) {
      log.error("{}", error.what());
      continue;
    }
    throw data_error(fmt::format("the model could not be written to {}; it is in {}", quoted(path), quoted(place)),
                     "move it to where you want it");
  }
  throw data_error(fmt::format("the model could not be written to {}, nor anywhere else", quoted(path)),
                   "free some space, and resume the run with --resume: it then only writes the model");
}

}  // namespace mnist::cli
