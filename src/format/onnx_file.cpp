#include "mnist/format/onnx_file.hpp"

#include <cstddef>

#include "mnist/core/error.hpp"
#include "mnist/core/proto.hpp"

namespace mnist {
namespace {

// The numbers of the fields are those of onnx/onnx.proto.

constexpr std::uint64_t kIrVersion = 8;
constexpr std::uint64_t kOperatorSet = 17;

std::uint64_t number(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

ProtoMessage attribute_proto(const std::string& name, const OnnxAttribute& attribute) {
  constexpr int kFloat = 2;
  constexpr int kInt = 3;
  constexpr int kInts = 8;
  constexpr int kType = 20;
  constexpr std::uint64_t kIsFloat = 1;
  constexpr std::uint64_t kIsInt = 2;
  constexpr std::uint64_t kIsInts = 7;
  ProtoMessage proto;
  proto.text(1, name);
  if (const auto* const real = std::get_if<float>(&attribute)) {
    return proto.single(kFloat, *real).integer(kType, kIsFloat);
  }
  if (const auto* const integer = std::get_if<std::int64_t>(&attribute)) {
    return proto.integer(kInt, number(*integer)).integer(kType, kIsInt);
  }
  for (const std::int64_t value : std::get<std::vector<std::int64_t>>(attribute)) proto.integer(kInts, number(value));
  return proto.integer(kType, kIsInts);
}

ProtoMessage node_proto(const OnnxNode& node) {
  constexpr int kName = 3;
  constexpr int kOperator = 4;
  constexpr int kAttribute = 5;
  ProtoMessage proto;
  for (const std::string& input : node.inputs) proto.text(1, input);
  for (const std::string& output : node.outputs) proto.text(2, output);
  proto.text(kName, node.name).text(kOperator, node.type);
  for (const auto& [name, attribute] : node.attributes) proto.message(kAttribute, attribute_proto(name, attribute));
  return proto;
}

ProtoMessage tensor_proto(const OnnxTensor& tensor) {
  constexpr int kName = 8;
  constexpr int kRawData = 9;
  ProtoMessage proto;
  for (const std::int64_t size : tensor.shape) proto.integer(1, number(size));
  return proto.integer(2, static_cast<std::uint64_t>(tensor.type))
      .text(kName, tensor.name)
      .text(kRawData, tensor.bytes);
}

ProtoMessage value_proto(const OnnxValue& value) {
  ProtoMessage shape;
  for (const OnnxDimension& size : value.shape) {
    ProtoMessage dimension;
    if (const auto* const known = std::get_if<std::int64_t>(&size)) {
      dimension.integer(1, number(*known));
    } else {
      dimension.text(2, std::get<std::string>(size));
    }
    shape.message(1, dimension);
  }
  ProtoMessage tensor;
  tensor.integer(1, static_cast<std::uint64_t>(value.type)).message(2, shape);
  ProtoMessage type;
  type.message(1, tensor);
  ProtoMessage proto;
  return proto.text(1, value.name).message(2, type);
}

ProtoMessage graph_proto(const OnnxModel& model) {
  constexpr int kInitializer = 5;
  constexpr int kInput = 11;
  constexpr int kOutput = 12;
  ProtoMessage proto;
  for (const OnnxNode& node : model.nodes) proto.message(1, node_proto(node));
  proto.text(2, model.graph);
  for (const OnnxTensor& tensor : model.initializers) proto.message(kInitializer, tensor_proto(tensor));
  for (const OnnxValue& input : model.inputs) proto.message(kInput, value_proto(input));
  for (const OnnxValue& output : model.outputs) proto.message(kOutput, value_proto(output));
  return proto;
}

}  // namespace

std::string to_onnx(const OnnxModel& model) {
  constexpr std::size_t kMostBytes = (std::size_t{1} << 31U) - 1;
  constexpr int kProducer = 2;
  constexpr int kProducerVersion = 3;
  constexpr int kDescription = 6;
  constexpr int kGraph = 7;
  constexpr int kOperatorSets = 8;
  constexpr int kMetadata = 14;
  ProtoMessage proto;
  proto.integer(1, kIrVersion).text(kProducer, model.producer).text(kProducerVersion, model.producer_version);
  proto.text(kDescription, model.description).message(kGraph, graph_proto(model));
  ProtoMessage operators;
  operators.text(1, "").integer(2, kOperatorSet);  // the empty domain is ONNX's own
  proto.message(kOperatorSets, operators);
  for (const auto& [key, value] : model.metadata) {
    ProtoMessage entry;
    entry.text(1, key).text(2, value);
    proto.message(kMetadata, entry);
  }
  if (proto.bytes().size() > kMostBytes) {
    throw data_error("the model would have more than 2 GiB as ONNX", "write it as .safetensors");
  }
  return proto.bytes();
}

}  // namespace mnist
