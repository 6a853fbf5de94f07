// Writes ONNX models: a graph of operators with its weights in one file, for onnxruntime, Triton and other programs.
//
// The bytes are a ModelProto of onnx/onnx.proto (github.com/onnx/onnx), IR version 8, with operator set 17. The
// operators, with their inputs and attributes, are in onnx/docs/Operators.md. Weights are in the file itself, little-
// endian, so a model can have at most 2 GiB, the limit of a protobuf message. Not for reading.
//
// This is a description of a file: it checks neither that the graph is connected nor that the shapes fit.
// `scripts/check_onnx` checks what this program writes with the package onnx.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace mnist {

// TensorProto.DataType
enum class OnnxType { float32 = 1, uint8 = 2 };

// The size of a dimension, or the name of one that is only known when the model runs: "N".
using OnnxDimension = std::variant<std::int64_t, std::string>;

// An input or output of the graph.
struct OnnxValue {
  std::string name;
  OnnxType type = OnnxType::float32;
  std::vector<OnnxDimension> shape;
};

// A constant of the graph: a weight.
struct OnnxTensor {
  std::string name;
  OnnxType type = OnnxType::float32;
  std::vector<std::int64_t> shape;  // empty: a scalar
  std::string bytes;                // the elements in row-major order, little-endian
};

using OnnxAttribute = std::variant<std::int64_t, float, std::vector<std::int64_t>>;

struct OnnxNode {
  std::string type;  // of the operator: "Conv"
  std::string name;  // unique in the graph
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<std::pair<std::string, OnnxAttribute>> attributes = {};
};

// Texts must be UTF-8.
struct OnnxModel {
  std::string producer;          // name of the program: "mnist"
  std::string producer_version;  // "0.1.0"
  std::string description;       // for people
  std::string graph;             // name of the graph
  std::vector<OnnxValue> inputs;
  std::vector<OnnxValue> outputs;
  std::vector<OnnxTensor> initializers;
  std::vector<OnnxNode> nodes;  // each after those whose outputs it uses
  std::vector<std::pair<std::string, std::string>> metadata;
};

// The content of the file. The same model gives the same bytes. Throws a data `Error` if it has more than 2 GiB.
std::string to_onnx(const OnnxModel& model);

}  // namespace mnist
