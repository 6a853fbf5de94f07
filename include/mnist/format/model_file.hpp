// Reads and writes model files in all supported formats.
//
// Writes `.pt` or `.safetensors`; the ending of the file name selects the format. `.pt`: exactly what Python's
// `torch.save(model.state_dict(), ...)` writes, plus the recipe in the zip as `<root>/extra/mnist.json`, which
// `torch.load` ignores. `.safetensors`: the recipe is in the metadata under the key "mnist".
//
// Reads the zip format of torch.save (PyTorch >= 1.6), the legacy stream before it, and safetensors; the format is
// detected from the content, not from the name. The content is a state dict, with or without `_rebuild_parameter`, or a
// dict that contains one under "state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model" or "net" (the
// first of these) and optionally a list "class_names". A wrapper's prefix that all names have ("module.", "_orig_mod.",
// "model.", "net.") is removed. Other objects (argparse.Namespace, numpy scalars) are ignored; code in a file is never
// executed.
//
// Every size in a file is checked against the file size before memory is allocated. Limits: tensors together have at
// most the file size plus 1 MiB, and at most 256 MiB; a header, recipe or pickle at most 16 MiB; the file at most 1
// GiB. Not for: TorchScript archives, whole pickled modules, the tar format of 2017 (the error names the format).
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
  std::vector<std::string> class_names;  // the file's list `class_names`; empty if it has none
  std::string layout;                    // for people: "PyTorch zip", "PyTorch legacy stream", "safetensors"

  // For people: what was chosen from the file, what was ignored, what could not be checked. One sentence each, without
  // full stop: "the weights are those under 'model_ema'". Empty for files of this program.
  std::vector<std::string> notes;

  std::string sha256 = {};  // of the file's bytes; empty unless requested
};

// `hash`: also the file's SHA-256, by a second pass over it; a stream is read once. Throws a data `Error` that names
// the file and the problem: missing, empty, truncated, damaged (a checksum does not match), too large, not a model
// file, or an unsupported kind of model file. Does not check whether the values are finite.
ModelFile read_model_file(const std::filesystem::path& path, bool hash = false);

// Reads a file that `torch.save(tensor, ...)` wrote: one tensor, not a state dict. Throws as above.
torch::Tensor read_tensor_file(const std::filesystem::path& path);

// The content of a .pt file's pickle: the state dict itself, or {"state_dict": ..., "class_names": [...]} with the
// recipe's class names.
enum class PickleLayout { state_dict, with_class_names };

// Throws a usage `Error` if the file name ends in neither .pt, .pth nor .safetensors. Call it before the work that
// produces the model.
void check_model_name(const std::filesystem::path& path);

// Replaces `path` atomically, or writes to it if it is a stream (`core/output.hpp`). Tensors may be on any device and
// have any strides; they are stored contiguous. The same state and recipe give the same bytes. Throws a data `Error` if
// the file cannot be written, and the usage `Error` of `check_model_name`.
void write_model_file(const std::filesystem::path& path, const NamedTensors& state, const Recipe& recipe,
                      PickleLayout layout = PickleLayout::state_dict, FileSystem& files = FileSystem::system());

}  // namespace mnist
