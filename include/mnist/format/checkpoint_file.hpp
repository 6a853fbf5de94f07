// The file format of checkpoints: a model file that also contains what a run needs to continue. `torch.load(path,
// weights_only=True)` returns {"state_dict": ..., "optimizer": {...}, ...}, and everything that reads models
// (`model_file.hpp`) can read a checkpoint.
//
// Values that are not tensors are JSON, in the zip as `<root>/extra/checkpoint.json`. The zip's comment, at the end of
// the file, is "sha256 " and the SHA-256 of all bytes before its 64 digits, so a single wrong bit is detected.
// `train/checkpoint.hpp` defines the meaning of the contents.
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
  NamedTensors state;                                        // the network's, under "state_dict"
  std::vector<std::pair<std::string, NamedTensors>> others;  // further dicts of tensors, by name
  Recipe recipe;
  std::string json;
};

// Replaces `path` atomically. Tensors must be on the CPU; tensors that share all of their memory are stored once.
// Throws a data `Error` if the file cannot be written.
void write_checkpoint_file(const std::filesystem::path& path, const CheckpointFile& checkpoint,
                           FileSystem& files = FileSystem::system());

// Throws a data `Error` like `read_model_file`, and if the file is not a checkpoint.
CheckpointFile read_checkpoint_file(const std::filesystem::path& path);

}  // namespace mnist
