// Writes models into a model repository of NVIDIA's Triton Inference Server, which runs them with onnxruntime:
//
//   REPOSITORY/NAME/config.pbtxt    ModelConfig of model_config.proto (github.com/triton-inference-server/common)
//   REPOSITORY/NAME/labels.txt      the class names, one a line, in the order of the outputs
//   REPOSITORY/NAME/1/model.onnx    the first version
//
// The server batches requests (dynamic batching), so the shapes in the configuration have no batch size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mnist/core/file_system.hpp"
#include "mnist/format/onnx_file.hpp"

namespace mnist {

struct TritonModel {
  std::string name;  // as clients call it; valid for `is_triton_name`
  std::vector<std::string> class_names;
  std::int64_t max_batch = 64;  // images that the server runs together
};

// Whether a model of a repository can have this name: 1 to 100 ASCII letters, digits, "_", "-" and ".", the first of
// them not ".".
bool is_triton_name(const std::string& name);

// The hint of an error about another name.
inline constexpr const char* kTritonNameHint =
    "use up to 100 letters, digits, '_', '-' and '.', the first of them not '.'";

// The content of config.pbtxt for `onnx`, whose inputs and outputs have the batch size as their first dimension.
std::string triton_config(const TritonModel& model, const OnnxModel& onnx);

// The content of labels.txt. Control characters in names become \xNN, so that each name is one line.
std::string triton_labels(const TritonModel& model);

struct TritonVersion {
  std::filesystem::path folder;  // REPOSITORY/NAME/2
  std::int64_t number = 1;
};

// Adds a version to the repository, which is created if it is missing: the number after the largest one there. No
// version is ever replaced. config.pbtxt and labels.txt are those of all versions: if they are there with another
// content, throws a data `Error`, or replaces them if `overwrite`. Each file is written as a whole or not at all; the
// version folder is removed if its file cannot be written. Throws a data `Error` if something cannot be written.
TritonVersion write_triton(const std::filesystem::path& repository, const TritonModel& model, const OnnxModel& onnx,
                           bool overwrite, FileSystem& files = FileSystem::system());

}  // namespace mnist
