// Checkpoints: a run's state on disk, what is needed to decide whether a run can resume from it, and the state of the
// run's observers. The file format is that of `format/checkpoint_file.hpp`: Python can read it, and it is also a model
// file, with the weights of the epoch in progress.
//
// Contents: "state_dict"; "optimizer"; "average" (of the weights, if the run has one); "epoch" (losses and correct
// predictions of its batches so far); "best" (the state dict after the best epoch). Older files also have "curves",
// which nothing needs. The rest is JSON, `format_version` 1: keys are never renamed or reused, and a newer version is
// rejected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "mnist/core/file_system.hpp"
#include "mnist/core/recipe.hpp"
#include "mnist/train/training_state.hpp"

namespace mnist {

// Everything that affects the bits of a run's result: two runs with equal identities give the same bits.
struct RunIdentity {
  std::string config;  // the given options, as TOML
  std::string data;    // fingerprint of the items of both splits of the data
  std::string libtorch;
  std::string build;  // the program's git revision
  std::string cpu;
  std::string device;  // "cpu", "cuda:0 (NVIDIA H100)"
  std::string precision;
  std::string kernels;
  std::int64_t threads = 0;  // of each process
  std::int64_t ranks = 1;    // processes

  bool operator==(const RunIdentity&) const = default;
};

struct Checkpoint {
  TrainingState state;
  Recipe recipe;
  RunIdentity identity;
  // State of the observers: the sizes in bytes of the files that grow, by name in the run directory.
  std::map<std::string, std::uint64_t> file_sizes;
};

// Replaces `path` atomically. Throws a data `Error` if it cannot be written.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint,
                      FileSystem& files = FileSystem::system());

// Throws a data `Error` that names the file if it is missing, damaged or not a checkpoint, and a usage `Error` if its
// version is newer.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace mnist
