#include "mnist/report/checkpoints.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"

namespace mnist {
namespace {

std::string name_of(std::int64_t steps) {
  return fmt::format("step-{:09}.pt", steps);
}

// "step-" and digits; other files belong to the user.
bool is_checkpoint(std::string_view name) {
  constexpr std::string_view kBegin = "step-";
  constexpr std::string_view kEnd = ".pt";
  if (!name.starts_with(kBegin) || !name.ends_with(kEnd)) return false;
  name.remove_prefix(kBegin.size());
  name.remove_suffix(kEnd.size());
  return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

// Number of steps at the end of the best epoch; all epochs have the same number.
std::int64_t steps_of_best(const TrainingState& state) {
  if (state.best.epoch == 0) return -1;
  return state.best.epoch * ((state.all_steps - state.step) / (state.epoch - 1));
}

}  // namespace

std::vector<std::filesystem::path> checkpoint_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (is_checkpoint(entry.path().filename().string())) files.push_back(entry.path());
  }
  // Longer numbers are larger.
  const auto key = [](const std::filesystem::path& file) {
    return std::pair(file.filename().string().size(), file.filename().string());
  };
  std::ranges::sort(files, std::ranges::greater(), key);
  return files;
}

std::filesystem::path keep_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint,
                                      std::int64_t keep, FileSystem& files) {
  make_folder(folder, "");
  std::filesystem::path written = folder / name_of(checkpoint.state.all_steps);
  write_checkpoint(written, checkpoint, files);
  const std::string best = name_of(steps_of_best(checkpoint.state));
  const std::vector<std::filesystem::path> all = checkpoint_files(folder);
  // Newest first. Checkpoints newer than the written one were not used, and are kept.
  std::int64_t kept = 0;
  for (auto file = std::ranges::find(all, written); file != all.end(); ++file) {
    std::error_code ignored;
    if (++kept > keep && file->filename() != best) std::filesystem::remove(*file, ignored);
  }
  return written;
}

std::optional<FoundCheckpoint> newest_checkpoint(const std::filesystem::path& folder,
                                                 const std::function<void(const std::string& what)>& damaged) {
  for (const std::filesystem::path& file : checkpoint_files(folder)) {
    try {
      return FoundCheckpoint{file, read_checkpoint(file)};
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      damaged(error.what());
    }
  }
  return std::nullopt;
}

}  // namespace mnist
