// Checkpoint files: a model file with more in it. What a run needs to continue stands beside the state dict, so that
// `torch.load(path, weights_only=True)` gives {"state_dict": ..., "optimizer": {...}, ...}, and everything that reads
// models (`model_file.hpp`) takes a checkpoint for one.
//
// What is no tensor is JSON, in the zip as `<root>/extra/checkpoint.json`. The zip's comment, the last bytes of the
// file, is "sha256 " and the SHA-256 of all bytes before its 64 digits: a checkpoint with one wrong bit is refused.
// What the parts mean is the business of who writes them (`train/checkpoint.hpp`).
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "mnist/core/file_system.hpp"
#include "mnist/core/recipe.hpp"
#include "mnist/format/named_tensors.hpp"

namespace mnist {

struct CheckpointFile {
  NamedTensors state;                                        // of the network, under "state_dict"
  std::vector<std::pair<std::string, NamedTensors>> others;  // dicts of tensors beside it, by name
  Recipe recipe;
  std::string json;
};

// Replaces `path` atomically. Tensors are on the CPU; those that share all of their memory are stored once. Throws a
// data `Error` if the file cannot be written.
void write_checkpoint_file(const std::filesystem::path& path, const CheckpointFile& checkpoint,
                           FileSystem& files = FileSystem::system());

// Throws a data `Error` as `read_model_file` does, and if the file is no checkpoint.
CheckpointFile read_checkpoint_file(const std::filesystem::path& path);

}  // namespace mnist
