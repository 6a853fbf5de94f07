#include "find_pictures.hpp"

#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/text.hpp"
#include "mnist/report/progress.hpp"

namespace mnist::cli {
namespace {

void warn_of_left_out(const PhotoFolder& folder, spdlog::logger& log) {
  warn_of_ignored(folder.dir, folder.ignored, log);
  if (folder.strays.empty()) return;
  const std::size_t count = folder.strays.size();
  log.warn("{}: {} not in a class folder, skipped: {}{}", quoted(folder.dir),
           count == 1 ? "1 picture is" : fmt::format("{} are", counted(static_cast<std::int64_t>(count), "picture")),
           quoted(folder.strays.front()), count > 1 ? ", ..." : "");
}

// Slow on network file systems.
template <class Scan>
auto look_for(const DataOptions& options, Scan&& scan) {
  const CountLine line(*options.status, "looking for pictures");
  return scan();
}

// The accuracy on such pictures says nothing about new ones.
void warn_of_shared(const DividedPictures& sides, const DataOptions& options, spdlog::logger& log) {
  if (!options.ranks->leads()) return;
  const std::vector<SharedPicture> shared =
      look_for(options, [&] { return shared_pictures(sides, options.stop_requested); });
  if (shared.empty()) return;
  log.warn(
      "{} {} also for training, with the same bytes, so the accuracy is too high or the classes contradict: "
      "{} is {}{}",
      with_thousands(static_cast<std::int64_t>(shared.size())),
      shared.size() == 1 ? "picture for validation is" : "pictures for validation are", quoted(shared.front().val),
      quoted(shared.front().train), shared.size() > 1 ? ", ..." : "");
}

DividedPictures divided(const DataOptions& options, spdlog::logger& log) {
  const PhotoFolder all = look_for(options, [&] { return scan_all(options.data_dir); });
  warn_of_left_out(all, log);
  DividedPictures sides = [&] {
    CountLine line(*options.status, "reading pictures");
    return divide(all, {options.val_split, options.split_seed}, options.stop_requested,
                  [&line](std::int64_t done, std::int64_t count) { line.count(done, count); });
  }();
  log.info("{} of {} are for validation: --val-split {:g}, seed {}",
           with_thousands(static_cast<std::int64_t>(sides.val.paths.size())), counted(std::ssize(all.paths), "picture"),
           options.val_split, options.split_seed);
  return sides;
}

PhotoFolder with_warnings(PhotoFolder folder, spdlog::logger& log) {
  warn_of_left_out(folder, log);
  return folder;
}

}  // namespace

DividedPictures find_training_pictures(const DataOptions& options, spdlog::logger& log) {
  if (options.val_split > 0) {
    check_val_split(options.val_split, options);
    DividedPictures sides = divided(options, log);
    warn_of_shared(sides, options, log);
    return sides;
  }
  if (std::error_code ignored;
      is_stdin(options.data_dir) || std::filesystem::is_regular_file(options.data_dir, ignored)) {
    throw usage_error(fmt::format("{} does not say which pictures are for validation", quoted(options.data_dir)),
                      "use a share for validation: --val-split 0.2");
  }
  DividedPictures found = look_for(options, [&] {
    return DividedPictures{scan_photo_folder(options.data_dir, Split::train),
                           scan_photo_folder(options.data_dir, Split::test)};
  });
  check_same_classes(found.train, found.val);
  warn_of_left_out(found.train, log);
  warn_of_left_out(found.val, log);
  warn_of_shared(found, options, log);
  return found;
}

void check_val_split(double share, const DataOptions& options) {
  if (options.dataset != kFolder) {
    throw usage_error(fmt::format("--val-split {:g} divides picture files, but the data set {} has a test set", share,
                                  options.dataset),
                      "omit it, or add --dataset folder");
  }
  if (!has_split_folders(options.data_dir)) return;
  throw usage_error(fmt::format("--val-split {:g} divides pictures, but {} has its own train and val", share,
                                quoted(options.data_dir)),
                    "omit it, or give a folder that contains the class folders");
}

PhotoFolder find_pictures(const DataOptions& options, Split split, spdlog::logger& log) {
  if (has_split_folders(options.data_dir)) {
    return with_warnings(look_for(options, [&] { return scan_photo_folder(options.data_dir, split); }), log);
  }
  if (options.val_split == 0) {
    return with_warnings(look_for(options, [&] { return scan_all(options.data_dir); }), log);
  }
  DividedPictures sides = divided(options, log);
  return split == Split::train ? std::move(sides.train) : std::move(sides.val);
}

}  // namespace mnist::cli
