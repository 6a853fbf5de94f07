// Model files, whatever their layout: the one door through which weights come in and go out.
//
// Written: `.pt`, exactly what Python's `torch.save(model.state_dict(), ...)` writes, with the recipe beside it in the
// zip as `<root>/extra/mnist.json`, which `torch.load` does not look at; or `.safetensors`, with the recipe under the
// key "mnist" of its metadata. The name's ending decides which.
//
// Read (found out from the content, not from the name): the zip form of torch.save (PyTorch >= 1.6), the legacy stream
// before it, and safetensors. Accepted contents: a state dict, parameters in it wrapped by `_rebuild_parameter` or not,
// and dicts that hold one under "state_dict" or "model_state_dict" with an optional list "class_names". Nothing in a
// file is ever called, and no size in it is trusted before it is checked against the file's.
// Not for: TorchScript archives, whole pickled modules, the tar format of 2017 (each is refused by name).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mnist/core/recipe.hpp"
#include "mnist/format/named_tensors.hpp"

namespace mnist {

struct ModelFile {
  NamedTensors state;                    // on the CPU, contiguous, own memory
  std::optional<Recipe> recipe;          // where the file was written by this program
  std::vector<std::string> class_names;  // where a `class_names` list stands beside the state dict; else empty
  std::string layout;                    // for people: "PyTorch zip", "PyTorch legacy stream", "safetensors"
};

// Throws a data `Error` with the file's name and what is wrong with it: missing, empty, truncated, damaged (a checksum
// does not match), not a model file, or a model file of a kind that is not read.
ModelFile read_model_file(const std::filesystem::path& path);

// The one tensor of a file that torch.save wrote of it (no state dict). Throws as above.
torch::Tensor read_tensor_file(const std::filesystem::path& path);

// What a .pt file's pickle holds: the state dict itself, or {"state_dict": it, "class_names": [names of the recipe]}.
enum class PickleLayout { state_dict, with_class_names };

// Throws a usage `Error` for a name whose ending is neither .pt, .pth nor .safetensors: for saying so before the work.
void check_model_name(const std::filesystem::path& path);

// Replaces `path` atomically, or writes to it if it is a stream (`core/output.hpp`). Tensors are written contiguous and from any device; the same state and recipe give the
// same bytes. Throws a data `Error` where the file cannot be written, and as `check_model_name` does.
void write_model_file(const std::filesystem::path& path, const NamedTensors& state, const Recipe& recipe,
                      PickleLayout layout = PickleLayout::state_dict);

}  // namespace mnist
