// The folder of a run's checkpoints: step-000001876.pt is the state after so many steps. The newest ones and that of
// the best epoch are kept. Its content: `train/checkpoint.hpp`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mnist/core/file_system.hpp"
#include "mnist/train/checkpoint.hpp"

namespace mnist {

// The checkpoints in `folder`, newest first; none if there is no such folder.
std::vector<std::filesystem::path> checkpoint_files(const std::filesystem::path& folder);

// Writes a checkpoint to `folder`, creates the folder if it is missing, then removes all except the newest `keep` and
// the one after the best epoch. Returns the file. Throws a data `Error` if it cannot be written; then all older ones
// stay.
std::filesystem::path keep_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint,
                                      std::int64_t keep, FileSystem& files = FileSystem::system());

// The newest readable checkpoint, with its file; nothing if there is none. Calls `damaged` with an error message for
// each newer one. Throws a usage `Error` if one has a newer format version.
struct FoundCheckpoint {
  std::filesystem::path file;
  Checkpoint checkpoint;
};
std::optional<FoundCheckpoint> newest_checkpoint(const std::filesystem::path& folder,
                                                 const std::function<void(const std::string& what)>& damaged);

}  // namespace mnist
