// Every network becomes ONNX: graph, names, shapes and metadata. Whether the numbers are right, scripts/check_onnx
// finds out with onnxruntime.
#include "mnist/export/onnx_export.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/model/registry.hpp"

#include "onnx_operators.hpp"
#include "trace.hpp"

namespace mnist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Recipe recipe_of(const ModelInfo& info, std::size_t classes = 10) {
  Recipe recipe{.arch = info.name, .preprocessing = info.preprocessing};
  for (std::size_t i = 0; i < classes; ++i) recipe.class_names.push_back("class " + std::to_string(i));
  if (info.preprocessing.kind == Preprocessing::Kind::photo) {
    recipe.preprocessing = resized(info.preprocessing, 32);  // quicker
  }
  return recipe;
}

std::shared_ptr<Network> network_of(const std::string& arch) {
  auto network = make_network(model_info(arch), 10, /*seed=*/1);
  network->eval();
  return network;
}

OnnxModel exported(const std::string& arch, const OnnxExport& options = {.name = "net"}) {
  return onnx_model(*network_of(arch), recipe_of(model_info(arch)), options);
}

std::map<std::string, int> operators_of(const OnnxModel& model) {
  std::map<std::string, int> count;
  for (const OnnxNode& node : model.nodes) ++count[node.type];
  return count;
}

// Convolutions and pools have two sizes of everything, and the padding of both sides.
void expect_two_dimensions(const OnnxNode& node) {
  if (node.type != "Conv" && node.type != "MaxPool") return;
  for (const auto& [name, attribute] : node.attributes) {
    const auto* const sizes = std::get_if<std::vector<std::int64_t>>(&attribute);
    if (sizes == nullptr) continue;
    EXPECT_EQ(sizes->size(), name == "pads" ? 4U : 2U) << node.name << ": " << name;
  }
}

class Exported : public ::testing::TestWithParam<std::string> {};

TEST_P(Exported, IsAConnectedGraphWithEveryWeight) {
  const OnnxModel model = exported(GetParam());
  std::set<std::string> known = {"image"};
  for (const OnnxTensor& tensor : model.initializers) EXPECT_TRUE(known.insert(tensor.name).second) << tensor.name;
  std::set<std::string> names;
  std::set<std::string> used;
  for (const OnnxNode& node : model.nodes) {
    EXPECT_TRUE(names.insert(node.name).second) << node.name;
    for (const std::string& input : node.inputs) EXPECT_TRUE(known.contains(input)) << node.name << ": " << input;
    used.insert(node.inputs.begin(), node.inputs.end());
    EXPECT_TRUE(known.insert(node.outputs.at(0)).second) << node.name;
    expect_two_dimensions(node);
  }
  EXPECT_TRUE(known.contains("logits"));
  for (const OnnxTensor& tensor : model.initializers) EXPECT_TRUE(used.contains(tensor.name)) << tensor.name;
}

TEST_P(Exported, HasTheWeightsOfTheStateDictAndTheSameBytesEachTime) {
  const auto network = network_of(GetParam());
  const Recipe recipe = recipe_of(model_info(GetParam()));
  const OnnxModel model = onnx_model(*network, recipe, {.name = "net"});
  EXPECT_TRUE(to_onnx(model) == to_onnx(onnx_model(*network, recipe, {.name = "net"})));
  std::size_t next = 0;
  for (const auto& [name, tensor] : state_dict(*network)) {
    if (name.ends_with("num_batches_tracked")) continue;  // only training needs it
    ASSERT_LT(next, model.initializers.size()) << name;
    const OnnxTensor& own = model.initializers[next++];
    EXPECT_EQ(own.name, name);
    EXPECT_EQ(own.shape, tensor.sizes().vec());
    const at::Tensor dense = tensor.detach().contiguous();
    ASSERT_EQ(own.bytes.size(), dense.nbytes()) << name;
    EXPECT_EQ(std::memcmp(own.bytes.data(), dense.const_data_ptr(), dense.nbytes()), 0) << name;
  }
  EXPECT_EQ(next, model.initializers.size());
}

// A number that depended on the batch of the traced pass would differ between two batch sizes.
TEST_P(Exported, DoesNotDependOnTheBatchSize) {
  const auto network = network_of(GetParam());
  const Preprocessing p = recipe_of(model_info(GetParam())).preprocessing;
  const auto nodes_of = [&](std::int64_t batch) {
    const auto traced = trace(*network, {batch, p.channels, p.height, p.width});
    OnnxGraph graph(state_dict(*network));
    graph.set_name(traced->inputs()[0], "image");
    for (const torch::jit::Node* node : traced->nodes()) add_operator(graph, *node);
    OnnxModel model;
    model.nodes = graph.take_nodes();
    return to_onnx(model);
  };
  const std::string of_two = nodes_of(2);
  EXPECT_GT(of_two.size(), 100U);
  EXPECT_TRUE(of_two == nodes_of(5));
}

INSTANTIATE_TEST_SUITE_P(All, Exported, ::testing::ValuesIn(model_names()),
                         [](const auto& test) { return test.param; });

TEST(OnnxExport, HasTheOperatorsOfTheNetwork) {
  using Count = std::map<std::string, int>;
  EXPECT_EQ(operators_of(exported("cnn")),
            (Count{{"Conv", 2}, {"Flatten", 1}, {"Gemm", 2}, {"MaxPool", 1}, {"Relu", 3}}));
  EXPECT_EQ(operators_of(exported("resnet18")), (Count{{"Add", 8},
                                                       {"BatchNormalization", 20},
                                                       {"Conv", 20},
                                                       {"Flatten", 1},
                                                       {"Gemm", 1},
                                                       {"GlobalAveragePool", 1},
                                                       {"MaxPool", 1},
                                                       {"Relu", 17}}));
  const Count mobilenet = operators_of(exported("mobilenet_v3_small"));
  EXPECT_EQ(mobilenet.at("HardSigmoid"), 9);
  EXPECT_EQ(mobilenet.at("HardSwish"), 19);
}

TEST(OnnxExport, GoesFromImagesToLogits) {
  const OnnxModel model = exported("lenet");
  ASSERT_EQ(model.inputs.size(), 1U);
  EXPECT_EQ(model.inputs[0].name, "image");
  EXPECT_EQ(model.inputs[0].type, OnnxType::float32);
  EXPECT_THAT(model.inputs[0].shape, ElementsAre(OnnxDimension("N"), OnnxDimension(std::int64_t{1}),
                                                 OnnxDimension(std::int64_t{28}), OnnxDimension(std::int64_t{28})));
  ASSERT_EQ(model.outputs.size(), 1U);
  EXPECT_EQ(model.outputs[0].name, "logits");
  EXPECT_THAT(model.outputs[0].shape, ElementsAre(OnnxDimension("N"), OnnxDimension(std::int64_t{10})));
  EXPECT_EQ(model.nodes.back().outputs, std::vector<std::string>{"logits"});
}

TEST(OnnxExport, GoesFromPixelsToProbabilities) {
  Recipe recipe = recipe_of(model_info("resnet18"));
  recipe.temperature = 1.5;
  const OnnxModel model = onnx_model(*network_of("resnet18"), recipe, {.name = "net", .preprocessing = true});
  EXPECT_EQ(model.inputs[0].name, "pixels");
  EXPECT_EQ(model.inputs[0].type, OnnxType::uint8);
  EXPECT_EQ(model.inputs[0].shape.at(2), OnnxDimension(std::int64_t{32}));
  EXPECT_EQ(model.outputs[0].name, "probabilities");
  std::vector<std::string> types;
  for (const OnnxNode& node : model.nodes) types.push_back(node.type);
  EXPECT_THAT(std::vector(types.begin(), types.begin() + 5), ElementsAre("Cast", "Div", "Sub", "Div", "Conv"));
  EXPECT_THAT(std::vector(types.end() - 3, types.end()), ElementsAre("Gemm", "Div", "Softmax"));
  const auto value_of = [&](const std::string& name) {
    const auto found = std::ranges::find(model.initializers, name, &OnnxTensor::name);
    EXPECT_NE(found, model.initializers.end()) << name;
    std::vector<float> values(found->bytes.size() / sizeof(float));
    std::memcpy(values.data(), found->bytes.data(), found->bytes.size());
    return values;
  };
  EXPECT_THAT(value_of("preprocessing.scale"), ElementsAre(255.0F));
  EXPECT_THAT(value_of("preprocessing.mean"), ElementsAre(0.485F, 0.456F, 0.406F));
  EXPECT_THAT(value_of("preprocessing.std"), ElementsAre(0.229F, 0.224F, 0.225F));
  EXPECT_THAT(value_of("calibration.temperature"), ElementsAre(1.5F));
}

TEST(OnnxExport, SaysWhatItIs) {
  Recipe recipe = recipe_of(model_info("lenet"), 10);
  recipe.class_names[1] = "Käse \"1\"";
  recipe.temperature = 1.25;
  const OnnxModel model = onnx_model(*network_of("lenet"), recipe, {.name = "net", .model_sha256 = "abc"});
  const std::map<std::string, std::string> metadata(model.metadata.begin(), model.metadata.end());
  EXPECT_EQ(metadata.at("arch"), "lenet");
  EXPECT_EQ(nlohmann::json::parse(metadata.at("class_names")), nlohmann::json(recipe.class_names));
  EXPECT_EQ(nlohmann::json::parse(metadata.at("preprocessing"))["mean"][0], 0.1307);
  EXPECT_EQ(metadata.at("temperature"), "1.25");
  EXPECT_THAT(metadata.at("program"), ::testing::StartsWith("mnist 0."));
  EXPECT_EQ(metadata.at("model_sha256"), "abc");
  EXPECT_EQ(model.graph, "net");
  EXPECT_THAT(model.description, HasSubstr("float32 images [N, 1, 28, 28]"));
  EXPECT_EQ(exported("lenet").metadata.size(), 5U) << "without a hash there is none";
}

// A network with an operator that the table lacks, and one that computes with a tensor that is no weight.
class Untranslated : public Network {
 public:
  explicit Untranslated(bool constant) : constant_(constant) {}
  torch::Tensor features(const torch::Tensor& inputs, const Dropout& /*dropout*/) override { return inputs; }
  torch::Tensor head(const torch::Tensor& features) override {
    return constant_ ? features + other_ : features.cumsum(1);
  }

 private:
  bool constant_;
  torch::Tensor other_ = at::ones({28});
};

std::string failure_of(bool constant) {
  Untranslated network(constant);
  try {
    onnx_model(network, recipe_of(model_info("lenet")), {});
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "was translated";
}

TEST(OnnxExport, NamesAnOperatorWithoutARow) {
  EXPECT_EQ(failure_of(/*constant=*/false), "the operator aten::cumsum has no translation to ONNX");
}

TEST(OnnxExport, NamesATensorThatIsNoWeight) {
  EXPECT_THAT(failure_of(/*constant=*/true), HasSubstr("a tensor of prim::Constant that is not in its state dict"));
}

}  // namespace
}  // namespace mnist
