#include "mnist/export/onnx_export.hpp"

#include <utility>

#include <ATen/ops/tensor.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/text.hpp"
#include "mnist/core/version.hpp"

#include "onnx_graph.hpp"
#include "onnx_operators.hpp"
#include "trace.hpp"

namespace mnist {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kImage = "image";
constexpr const char* kPixels = "pixels";
constexpr const char* kLogits = "logits";
constexpr const char* kProbabilities = "probabilities";

OnnxValue batch_of(const std::string& name, OnnxType type, std::vector<OnnxDimension> shape) {
  shape.insert(shape.begin(), "N");
  return {name, type, std::move(shape)};
}

OnnxValue images(const std::string& name, OnnxType type, const Preprocessing& p) {
  return batch_of(name, type, {p.channels, p.height, p.width});
}

// The network itself, from images to logits.
void add_network(OnnxModel& model, Network& network, const Preprocessing& p) {
  // Any size of a batch does: no translated operator has it among its arguments.
  constexpr std::int64_t kBatch = 2;
  const auto traced = trace(network, {kBatch, p.channels, p.height, p.width});
  OnnxGraph graph(state_dict(network));
  graph.set_name(traced->inputs()[0], kImage);
  for (const torch::jit::Node* node : traced->nodes()) add_operator(graph, *node);
  const std::string last = graph.name(traced->outputs()[0]);
  model.nodes = graph.take_nodes();
  model.initializers = graph.initializers();
  for (OnnxNode& node : model.nodes) {
    if (node.outputs.front() == last) node.outputs.front() = kLogits;
  }
}

OnnxTensor per_channel(const std::string& name, const std::vector<double>& values) {
  return onnx_tensor(name, at::tensor(values).view({1, -1, 1, 1}));
}

// Bytes to the network's input before it, probabilities from its output after it.
void add_preprocessing(OnnxModel& model, const Recipe& recipe) {
  const std::string scale = "preprocessing.scale";
  const std::string mean = "preprocessing.mean";
  const std::string std = "preprocessing.std";
  const std::string temperature = "calibration.temperature";
  const std::vector<OnnxNode> before = {
      {"Cast", "cast", {kPixels}, {"cast"}, {{"to", static_cast<std::int64_t>(OnnxType::float32)}}},
      {"Div", "scale", {"cast", scale}, {"scaled"}},
      {"Sub", "subtract_mean", {"scaled", mean}, {"centred"}},
      {"Div", "divide_by_std", {"centred", std}, {kImage}}};
  model.nodes.insert(model.nodes.begin(), before.begin(), before.end());
  model.nodes.push_back({"Div", "calibrate", {kLogits, temperature}, {"calibrated"}});
  model.nodes.push_back({"Softmax", "softmax", {"calibrated"}, {kProbabilities}, {{"axis", std::int64_t{1}}}});
  model.initializers.push_back(onnx_tensor(scale, at::tensor(255.0)));
  model.initializers.push_back(per_channel(mean, recipe.preprocessing.mean));
  model.initializers.push_back(per_channel(std, recipe.preprocessing.std));
  model.initializers.push_back(onnx_tensor(temperature, at::tensor(recipe.temperature)));
}

std::string description(const Recipe& recipe, bool preprocessing) {
  const Preprocessing& p = recipe.preprocessing;
  const std::string size = fmt::format("[N, {}, {}, {}]", p.channels, p.height, p.width);
  const std::string classes = counted(std::ssize(recipe.class_names), "class");
  if (preprocessing) {
    return fmt::format(
        "Image classifier ({}). Input: uint8 pixels {}, values 0 to 255. Output: probabilities of {}, whose names are "
        "in the metadata under class_names.",
        recipe.arch, size, classes);
  }
  return fmt::format(
      "Image classifier ({}). Input: float32 images {}, normalised: (pixel / 255 - mean) / std, with the numbers in "
      "the metadata under preprocessing. Output: logits of {}, whose names are in the metadata under class_names. "
      "Probabilities are softmax(logits / temperature).",
      recipe.arch, size, classes);
}

std::vector<std::pair<std::string, std::string>> metadata(const Recipe& recipe, const std::string& sha256) {
  const Json json = Json::parse(to_json(recipe));
  const auto text = [](const Json& part) {
    return part.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
  };
  std::vector<std::pair<std::string, std::string>> entries = {{"arch", as_utf8(recipe.arch)},
                                                              {"class_names", text(json["class_names"])},
                                                              {"preprocessing", text(json["preprocessing"])},
                                                              {"temperature", fmt::format("{}", recipe.temperature)},
                                                              {"program", "mnist " + build_info().version}};
  if (!sha256.empty()) entries.emplace_back("model_sha256", sha256);
  return entries;
}

}  // namespace

OnnxModel onnx_model(Network& network, const Recipe& recipe, const OnnxExport& options) {
  const Preprocessing& p = recipe.preprocessing;
  const auto classes = static_cast<std::int64_t>(recipe.class_names.size());
  OnnxModel model{.producer = "mnist",
                  .producer_version = build_info().version,
                  .description = description(recipe, options.preprocessing),
                  .graph = options.name,
                  .metadata = metadata(recipe, options.model_sha256)};
  add_network(model, network, p);
  if (options.preprocessing) {
    add_preprocessing(model, recipe);
    model.inputs = {images(kPixels, OnnxType::uint8, p)};
    model.outputs = {batch_of(kProbabilities, OnnxType::float32, {classes})};
  } else {
    model.inputs = {images(kImage, OnnxType::float32, p)};
    model.outputs = {batch_of(kLogits, OnnxType::float32, {classes})};
  }
  return model;
}

}  // namespace mnist
