#include "mnist/format/model_file.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/output.hpp"

#include "content_kind.hpp"
#include "file_bytes.hpp"
#include "file_errors.hpp"
#include "model_limits.hpp"
#include "name_prefixes.hpp"
#include "pt_legacy.hpp"
#include "pt_zip.hpp"
#include "safetensors.hpp"

namespace mnist {
namespace {

// The error for a file in an unsupported format.
Error not_a_model(std::string_view bytes, const std::string& source) {
  if (bytes.size() > 262 && bytes.substr(257, 5) == "ustar") {
    return data_error(source + " is in PyTorch's tar format of 2017, which is not supported",
                      "load and save it again in Python: torch.save(torch.load(path), \"model.pt\")");
  }
  if (bytes.starts_with("version https://git-lfs")) {
    return data_error(source + " is a pointer of Git LFS, not the file itself", "get the file with: git lfs pull");
  }
  if (bytes.size() > 1 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5) {
    return data_error(source + " is a bare pickle, not a model file of PyTorch",
                      "save it in Python: torch.save(model.state_dict(), \"model.pt\")");
  }
  const auto kind = content_kind(bytes);
  const bool is_named_onnx = kind.empty() && source.ends_with(".onnx'");
  if (kind == "an ONNX model" || is_named_onnx) {
    return data_error(source + (is_named_onnx ? " has the name of" : " is") +
                          " an ONNX model, which this program writes but does not read",
                      "give the .pt or .safetensors file that it was exported from; if mnist exported it, the metadata "
                      "of the ONNX model has the SHA-256 of that file, under model_sha256");
  }
  if (kind == "an HTML page") {
    return data_error(source + " is an HTML page, not a model file",
                      "the download returned a web page instead of the file: open the address in a browser");
  }
  const std::string hint = "a model file is one that mnist train or torch.save wrote, or .safetensors";
  if (!kind.empty()) return data_error(source + " is " + kind + ", not a model file", hint);
  return data_error(source + " is not a model file", hint);
}

NamedTensors on_cpu(const NamedTensors& state) {
  NamedTensors copies;
  for (const auto& [name, tensor] : state) copies.emplace_back(name, tensor.detach().cpu().contiguous());
  return copies;
}

ModelFile read_layout(const FileBytes& bytes) {
  constexpr std::uint64_t kBegin = 4096;  // enough to detect the kind of file
  const auto begin = bytes.read(0, static_cast<std::size_t>(std::min(bytes.size(), kBegin)));
  const bool zip = begin.starts_with("PK\x03\x04");
  const bool legacy = begin.starts_with(kLegacyMagic);
  if (!zip && !legacy && !looks_like_safetensors(begin)) throw not_a_model(begin, bytes.name());
  if (bytes.size() > kMaxModelFileBytes) throw too_large_error(bytes.name(), kMaxModelFileBytes);
  if (zip) return read_pt_zip(bytes);
  return legacy ? read_pt_legacy(bytes) : read_safetensors(bytes);
}

ModelFile read_any(const FileBytes& bytes) {
  ModelFile file = read_layout(bytes);
  if (file.recipe) return file;
  if (const auto prefix = take_off_prefixes(file.state); !prefix.empty()) {
    file.notes.push_back(fmt::format("the prefix '{}' is removed from all names", prefix));
  }
  return file;
}

bool is_single_tensor(const ModelFile& file) {
  return file.state.size() == 1 && file.state[0].first.empty();
}

// A run directory is easily given instead of the weights in it.
void check_is_no_run(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return;
  std::string weights;
  for (const char* const name : {"best.pt", "last.pt"}) {
    if (!std::filesystem::is_regular_file(path / name, ignored)) continue;
    weights += fmt::format("{}{}", weights.empty() ? "" : " or ", quoted(path / name));
  }
  if (!weights.empty()) {
    throw data_error(fmt::format("model file {} is a folder", quoted(path)), "give a file in it: " + weights);
  }
}

}  // namespace

ModelFile read_model_file(const std::filesystem::path& path, bool hash) {
  check_is_no_run(path);
  const FileBytes bytes(path, "model file");
  ModelFile file = read_any(bytes);
  if (is_single_tensor(file)) {
    throw data_error(bytes.name() + " holds a single tensor, not a model", "give a file with a state dict");
  }
  if (hash) file.sha256 = bytes.sha256(0, bytes.size());
  return file;
}

torch::Tensor read_tensor_file(const std::filesystem::path& path) {
  const FileBytes bytes(path, "tensor file");
  ModelFile file = read_any(bytes);
  if (!is_single_tensor(file)) {
    throw data_error(bytes.name() + " holds a dict of tensors, not a single one",
                     "give a file of torch.save(tensor, path)");
  }
  return file.state[0].second;
}

void check_model_name(const std::filesystem::path& path) {
  const auto extension = path.extension();
  if (extension == ".pt" || extension == ".pth" || extension == ".safetensors") return;
  if (is_stream(path)) {
    throw usage_error(fmt::format("a model cannot be written to {}, only to a file", quoted(path)),
                      "name one that ends in .pt, .pth or .safetensors");
  }
  throw usage_error("model file " + quoted(path) + " ends in neither .pt, .pth nor .safetensors",
                    "give it one of these endings");
}

void write_model_file(const std::filesystem::path& path, const NamedTensors& state, const Recipe& recipe,
                      PickleLayout layout, FileSystem& files) {
  check_model_name(path);
  const bool zip = path.extension() != ".safetensors";
  const auto tensors = on_cpu(state);
  const std::unique_ptr<Output> output = open_output(path, files);
  if (zip) {
    write_pt_zip(*output, tensors, recipe, layout);
  } else {
    write_safetensors(*output, tensors, recipe);
  }
  output->commit();
}

}  // namespace mnist
