#include "output_model.hpp"

#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"

#include "options.hpp"

namespace mnist::cli {
namespace {

// Whether `mine` is the same network on the same data and as good, or better, after as many epochs, or more.
bool beats(const Recipe& mine, const Recipe& theirs) {
  const TrainingSummary& a = mine.training;
  const TrainingSummary& b = theirs.training;
  return mine.arch == theirs.arch && mine.class_names == theirs.class_names && a.dataset == b.dataset &&
         a.test_items == b.test_items && a.correct >= b.correct && a.epochs >= b.epochs;
}

bool may_replace(const std::filesystem::path& path, const Recipe& recipe) {
  try {
    const std::optional<Recipe> theirs = read_model_file(path).recipe;
    return theirs && beats(recipe, *theirs);
  } catch (const std::exception&) {
    return false;  // whatever it is, it is not ours to destroy
  }
}

// Where a model that must not be written over what is there goes: NAME.pt, NAME-2.pt, ...
std::filesystem::path place_in(const std::filesystem::path& folder, const std::filesystem::path& name) {
  std::error_code ignored;
  std::filesystem::path place = folder / name.filename();
  for (int number = 2; std::filesystem::exists(std::filesystem::symlink_status(place, ignored)); ++number) {
    place = folder / fmt::format("{}-{}{}", name.stem().string(), number, name.extension().string());
  }
  return place;
}

}  // namespace

void check_output(const std::filesystem::path& path) {
  prepare_output(path);
  remove_stale_temporaries(folder_of(path));
}

void tell_of_old_model(const std::filesystem::path& path, bool overwrite, spdlog::logger& log) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return;
  const std::string kept = fmt::format(", and kept as {} if this run does not beat it",
                                       quoted(std::filesystem::path(path.string() + ".bak")));
  log.info("{} is there already: it is replaced at the end{}", quoted(path), overwrite ? "" : kept);
}

void save_output(const std::filesystem::path& path, const NamedTensors& state, const Recipe& recipe,
                 PickleLayout layout, bool overwrite, const std::filesystem::path& rescue, spdlog::logger& log,
                 FileSystem& files) {
  std::error_code ignored;
  try {
    if (!overwrite && std::filesystem::is_regular_file(path, ignored) && !may_replace(path, recipe)) {
      const std::filesystem::path backup = free_name(path.string() + ".bak");
      // A second name for the old file, and not another name: at no moment is there none of the name `path`. Of a link
      // the file behind it, which is the one that is replaced.
      std::filesystem::create_hard_link(std::filesystem::canonical(path), backup, ignored);
      if (ignored) write_file_atomically(backup, read_file(path, "file"), files);
      log.warn("{} is kept as {}: the new model does not beat it, or it is something else", quoted(path),
               quoted(backup));
    }
    write_model_file(path, state, recipe, layout, files);
    return;
  } catch (const std::exception& error) {
    log.error("{}", error.what());
  }
  const std::filesystem::path temporary = std::filesystem::temp_directory_path(ignored);
  for (const std::filesystem::path& folder : {rescue, temporary}) {
    const std::filesystem::path place = place_in(folder, path);
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
                   "make room, and continue the run with --resume: it only writes the model then");
}

}  // namespace mnist::cli
