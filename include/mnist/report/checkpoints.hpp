// The folder of a run's checkpoints: step-000001876.pt is the state after so many steps. The newest ones and that of
// the best epoch are kept. What is in one: `train/checkpoint.hpp`.
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

// Those in `folder`, the newest first; none if there is no such folder.
std::vector<std::filesystem::path> checkpoint_files(const std::filesystem::path& folder);

// Writes one more into `folder`, which is made if it is not there, then removes those that are neither among the newest
// `keep` nor that after the best epoch. Returns the file. Throws a data `Error` if it cannot be written; then all older
// ones stay.
std::filesystem::path keep_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint,
                                      std::int64_t keep, FileSystem& files = FileSystem::system());

// The newest that can be read, with its file. `damaged` is told of each newer one, what is wrong with it. Nothing if
// there is none. Throws a usage `Error` if one is of a newer version.
struct FoundCheckpoint {
  std::filesystem::path file;
  Checkpoint checkpoint;
};
std::optional<FoundCheckpoint> newest_checkpoint(const std::filesystem::path& folder,
                                                 const std::function<void(const std::string& what)>& damaged);

}  // namespace mnist
