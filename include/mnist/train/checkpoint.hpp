// Checkpoints: a run's state on disk, with what tells whether it can be continued and what those who watch the run need
// to continue as if nothing had happened. The file is that of `format/checkpoint_file.hpp`: Python reads it, and it is
// a model, that of the epoch in progress.
//
// In the file: "state_dict"; "optimizer"; "average" (of the weights, if the run has one); "epoch" (losses and right
// answers of its batches so far); "best" (the state dict after the best epoch); "curves". The rest is JSON,
// `format_version` 1: keys are never renamed or reused, and a newer version is refused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "mnist/core/file_system.hpp"
#include "mnist/core/recipe.hpp"
#include "mnist/format/named_tensors.hpp"
#include "mnist/train/training_state.hpp"

namespace mnist {

// With what a run was computed: the same gives the same bits.
struct RunIdentity {
  std::string config;  // the options as they were given, TOML
  std::string data;    // fingerprint of the items of both splits
  std::string libtorch;
  std::string build;  // the program's own revision
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
  // Of those who watch the run, at this state: the bytes of the files that grow, by name in the run directory, and what
  // the curves have so far.
  std::map<std::string, std::uint64_t> file_sizes;
  NamedTensors curves;
};

// Replaces `path` atomically. Throws a data `Error` if it cannot be written.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint,
                      FileSystem& files = FileSystem::system());

// Throws a data `Error` that names the file: missing, damaged, no checkpoint; a usage `Error` if it is of a newer
// version.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace mnist
