// Model files, whatever their layout: the one door through which weights come in and go out.
//
// Written: `.pt`, exactly what Python's `torch.save(model.state_dict(), ...)` writes, with the recipe beside it in the
// zip as `<root>/extra/mnist.json`, which `torch.load` does not look at; or `.safetensors`, with the recipe under the
// key "mnist" of its metadata. The name's ending decides which.
//
// Read (found out from the content, not from the name): the zip form of torch.save (PyTorch >= 1.6), the legacy stream
// before it, and safetensors. Accepted contents: a state dict, parameters in it wrapped by `_rebuild_parameter` or not,
// and dicts that hold one under "state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model" or "net" (the
// first of these) with an optional list "class_names". Prefixes of wrappers that all names have ("module.",
// "_orig_mod.", "model.", "net.") are taken off. Objects beside the weights (argparse.Namespace, numpy's scalars) are
// passed over: nothing in a file is ever called.
//
// No size in a file is trusted before it is checked against the file's, and its first bytes and its header or directory
// are looked at before memory is taken: the tensors together take at most as many bytes as the file has plus 1 MiB, and
// at most 256 MiB; a header, recipe or pickle has at most 16 MiB; files of more than 1 GiB are not read.
// Not for: TorchScript archives, whole pickled modules, the tar format of 2017 (each is refused by name).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mnist/core/file_system.hpp"
#include "mnist/core/recipe.hpp"
#include "mnist/format/named_tensors.hpp"

namespace mnist {

struct ModelFile {
  NamedTensors state;                    // on the CPU, contiguous, own memory
  std::optional<Recipe> recipe;          // if the file was written by this program
  std::vector<std::string> class_names;  // if a `class_names` list stands beside the state dict; else empty
  std::string layout;                    // for people: "PyTorch zip", "PyTorch legacy stream", "safetensors"

  // For people: what was chosen among the file's contents, what was passed over, what could not be checked. A sentence
  // each, without a full stop: "the weights are those under 'model_ema'". Empty for files of this program.
  std::vector<std::string> notes;
};

// Throws a data `Error` with the file's name and what is wrong with it: missing, empty, truncated, damaged (a checksum
// does not match), too large, not a model file, or a model file of a kind that is not read. Whether the values are
// finite is not looked at.
ModelFile read_model_file(const std::filesystem::path& path);

// The one tensor of a file that torch.save wrote of it (no state dict). Throws as above.
torch::Tensor read_tensor_file(const std::filesystem::path& path);

// What a .pt file's pickle holds: the state dict itself, or {"state_dict": it, "class_names": [names of the recipe]}.
enum class PickleLayout { state_dict, with_class_names };

// Throws a usage `Error` for a name whose ending is neither .pt, .pth nor .safetensors: for saying so before the work.
void check_model_name(const std::filesystem::path& path);

// Replaces `path` atomically, or writes to it if it is a stream (`core/output.hpp`). Tensors are written contiguous and
// from any device; the same state and recipe give the same bytes. Throws a data `Error` where the file cannot be
// written, and as `check_model_name` does.
void write_model_file(const std::filesystem::path& path, const NamedTensors& state, const Recipe& recipe,
                      PickleLayout layout = PickleLayout::state_dict, FileSystem& files = FileSystem::system());

}  // namespace mnist
