// Compares the networks with PyTorch: initial weights, logits and gradients for the same numbers; state dicts.
#include "mnist/model/network.hpp"

#include <algorithm>
#include <set>

#include <ATen/ATen.h>
#include <ATen/Version.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/model/registry.hpp"

#include "support/hashed.hpp"
#include "support/reference_numbers.hpp"
#include "support/tensor_accuracy.hpp"

namespace mnist {
namespace {

using test::reference_numbers;

// The fixture's weights and inputs, as in scripts/reference_numbers.py.
void fill(Network& network) {
  const c10::AutoGradMode no_grad(false);
  std::uint32_t salt = 0;
  for (torch::Tensor& parameter : network.parameters()) {
    parameter.copy_(test::hashed_uniform(parameter.sizes(), salt++, 0.05));
  }
}

torch::Tensor inputs(std::int64_t count, const std::string& arch = "cnn") {
  return test::reference_inputs(model_info(arch).preprocessing.channels == 3).slice(0, 0, count);
}

class EveryNetwork : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryNetwork, StartsFromPyTorchsInitialWeights) {
  const auto network = make_network(model_info(GetParam()), 10, /*seed=*/1);
  // The same generator, drawn from in the same order: another draw is another number altogether. On x86-64 with AVX2 or
  // AVX-512 the bits are PyTorch's. Elsewhere LibTorch makes normal numbers by other functions: on each side an angle
  // up to 2 pi is rounded to 2^-22 before its cosine, which is multiplied by a radius up to 5.8 and by the standard
  // deviation, so 2.8e-6 of that, and 0.7e-6 for the other roundings of the largest number. Uniform ones are rounded
  // once more without FMA, by less than that.
  constexpr double kRounding = 3.5e-6;
  constexpr double kRoundingOfSums = 2e-7;
  const std::string instructions = at::get_cpu_capability();
  const bool same_bits = instructions == "AVX2" || instructions == "AVX512";
  const auto parameters = network->named_parameters();
  const auto& initial = reference_numbers()[GetParam()]["initial"];
  EXPECT_GE(initial.size(), 6u);
  for (const auto& [name, sample] : initial.items()) {
    const torch::Tensor values = parameters[name].detach().to(at::kDouble);
    const double tolerance = same_bits ? 0 : kRounding * values.square().mean().sqrt().item<double>();
    test::expect_sample(values, sample, tolerance, kRoundingOfSums, name);
  }
}

// In float64, so that the differences are the rounding of PyTorch's numbers alone, on any processor.
TEST_P(EveryNetwork, GivesPyTorchsLogitsAndGradients) {
  const auto network = make_network(model_info(GetParam()), 10, 1);
  fill(*network);
  network->to(at::kDouble);
  const auto& numbers = reference_numbers()[GetParam()];
  const torch::Tensor logits = network->forward(inputs(8, GetParam()).to(at::kDouble), Dropout::off());
  ASSERT_EQ(logits.sizes(), at::IntArrayRef({8, 10}));
  const auto expected = numbers["logits"].get<std::vector<double>>();
  for (std::int64_t i = 0; i < 80; ++i) {
    EXPECT_NEAR(logits.flatten()[i].item<double>(), expected[static_cast<std::size_t>(i)], 1e-5);
  }
  at::nll_loss(at::log_softmax(logits, 1), at::arange(8)).backward();
  const auto parameters = network->named_parameters();
  for (const auto& [name, sample] : numbers["gradients"].items()) {
    test::expect_sample(parameters[name].grad(), sample, 1e-5, name);
  }
}

TEST_P(EveryNetwork, GivesTheSameLogitsInFloatOnAllKernels) {
  const auto logits = [](const Kernels* kernels, at::ScalarType type) {
    const c10::AutoGradMode no_grad(false);
    const auto network = make_network(model_info(GetParam()), 10, 1);
    fill(*network);
    network->use_kernels(kernels);
    network->to(type);
    return network->forward(inputs(8, GetParam()).to(type), Dropout::off());
  };
  const torch::Tensor exact = logits(nullptr, at::kDouble);
  const torch::Tensor libtorch = logits(nullptr, at::kFloat);
  for (const Kernels* kernels : usable_kernels()) {
    EXPECT_TRUE(
        test::is_accurate(logits(kernels, at::kFloat), libtorch, exact, {test::kWinograd, test::rounding_error(288)}))
        << kernels->name;
  }
}

TEST_P(EveryNetwork, IsIdentifiedByItsStateDict) {
  for (const std::int64_t classes : {10, 2}) {
    const ModelInfo* found = identify(state_dict(*make_network(model_info(GetParam()), classes, 1)));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->name, GetParam());
  }
}

TEST_P(EveryNetwork, StateGoesIntoAnotherOne) {
  const auto source = make_network(model_info(GetParam()), 10, 1);
  const auto target = make_network(model_info(GetParam()), 10, 2);
  load_state_dict(*target, state_dict(*source), "'x.pt'");
  const torch::Tensor x = inputs(4, GetParam());
  EXPECT_TRUE(at::equal(source->forward(x, Dropout::off()), target->forward(x, Dropout::off())));
}

INSTANTIATE_TEST_SUITE_P(Table, EveryNetwork, ::testing::ValuesIn(model_names()),
                         [](const auto& parameter) { return parameter.param; });

TEST(Network, ParameterCountsAreThoseOfTheReferencePrograms) {
  EXPECT_EQ(parameter_count(*make_network(model_info("cnn"), 10, 1)), 1'199'882);
  EXPECT_EQ(parameter_count(*make_network(model_info("lenet"), 10, 1)), 431'080);
  EXPECT_EQ(parameter_count(*make_network(model_info("convnet"), 10, 1)), 93'962);
  EXPECT_EQ(parameter_count(*make_network(model_info("resnet18"), 1000, 1)), 11'689'512);
  EXPECT_EQ(parameter_count(*make_network(model_info("resnet18"), 2, 1)), 11'177'538);
  EXPECT_EQ(parameter_count(*make_network(model_info("resnet34"), 1000, 1)), 21'797'672);
  EXPECT_EQ(parameter_count(*make_network(model_info("resnet50"), 1000, 1)), 25'557'032);
  EXPECT_EQ(parameter_count(*make_network(model_info("mobilenet_v3_small"), 1000, 1)), 2'542'856);
}

TEST(Network, StateDictHasPythonsNamesInPythonsOrder) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state_dict(*make_network(model_info("cnn"), 10, 1))) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc1.weight",
                                             "fc1.bias", "fc2.weight", "fc2.bias"}));
}

TEST(Network, ResNet18HasTorchvisionsNamesInItsOrder) {
  const StateDict state = state_dict(*make_network(model_info("resnet18"), 2, 1));
  ASSERT_EQ(state.size(), 122u);
  std::vector<std::string> names;
  names.reserve(state.size());
  for (const auto& [name, tensor] : state) names.push_back(name);
  EXPECT_EQ(names[0], "conv1.weight");
  EXPECT_EQ(names[5], "bn1.num_batches_tracked");
  EXPECT_EQ(names[6], "layer1.0.conv1.weight");
  const auto downsample = std::ranges::find(names, "layer2.0.downsample.0.weight");
  ASSERT_NE(downsample, names.end());
  EXPECT_EQ(*(downsample - 1), "layer2.0.bn2.num_batches_tracked");
  EXPECT_EQ(*(downsample + 1), "layer2.0.downsample.1.weight");
  EXPECT_EQ(names[121], "fc.bias");
}

TEST(Network, MobileNetHasTorchvisionsNamesInItsOrder) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state_dict(*make_network(model_info("mobilenet_v3_small"), 2, 1))) {
    if (!name.ends_with("num_batches_tracked")) names.push_back(name);
  }
  ASSERT_EQ(names.size(), 244u - 34u);
  EXPECT_EQ(names[0], "features.0.0.weight");
  EXPECT_EQ(names[5], "features.1.block.0.0.weight");
  EXPECT_EQ(names[10], "features.1.block.1.fc1.weight");
  EXPECT_EQ(names[14], "features.1.block.2.0.weight");
  EXPECT_EQ(names[names.size() - 4], "classifier.0.weight");
  EXPECT_EQ(names.back(), "classifier.3.bias");
}

TEST(Network, MobileNetDropsAFifthOfWhatItsLastLayerGetsInTraining) {
  const auto network = make_network(model_info("mobilenet_v3_small"), 2, 1);
  const torch::Tensor x = inputs(2, "mobilenet_v3_small");
  const torch::Tensor whole = network->features(x, Dropout::off());
  const torch::Tensor dropped = network->features(x, Dropout(/*seed=*/1, /*epoch=*/1, /*step=*/0));
  const torch::Tensor kept = dropped.ne(0);
  EXPECT_NEAR(kept.to(at::kDouble).mean().item<double>(), 0.8, 0.03);
  EXPECT_TRUE(at::allclose(dropped, whole * kept / 0.8, 1e-4, 1e-6));
}

TEST(Network, ForwardIsTheHeadOfTheFeatures) {
  for (const std::string& arch : model_names()) {
    const auto network = make_network(model_info(arch), 10, 1);
    network->eval();
    const torch::Tensor x = inputs(2, arch);
    const torch::Tensor features = network->features(x, Dropout::off());
    EXPECT_EQ(features.dim(), 2) << arch;
    EXPECT_TRUE(at::equal(network->head(features), network->forward(x, Dropout::off()))) << arch;
  }
}

TEST(Network, AStateThatDoesNotFitIsNamedAndChangesNothing) {
  const auto network = make_network(model_info("cnn"), 10, 1);
  const torch::Tensor before = network->forward(inputs(1), Dropout::off());
  StateDict state = state_dict(*make_network(model_info("cnn"), 3, 2));
  state[0].first = "stem.weight";
  try {
    load_state_dict(*network, state, "'x.pt'");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_STREQ(
        error.what(),
        "the weights in 'x.pt' do not fit the network: missing conv1.weight; unknown stem.weight; with another "
        "shape: fc2.weight is [3, 128], not [10, 128], fc2.bias is [3], not [10]");
  }
  EXPECT_TRUE(at::equal(before, network->forward(inputs(1), Dropout::off())));
}

TEST(Network, WeightsThatAreIntegersAreRefused) {
  StateDict state = state_dict(*make_network(model_info("lenet"), 10, 1));
  state.back().second = state.back().second.to(at::kChar);
  const auto network = make_network(model_info("lenet"), 10, 1);
  try {
    load_state_dict(*network, state, "'x.pt'");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "the weights in 'x.pt' do not fit the network: without floating-point values: fc2.bias is Char");
  }
}

TEST(Network, OtherTypesAreConverted) {
  const auto source = make_network(model_info("lenet"), 10, 1);
  StateDict halves = state_dict(*source);
  for (auto& [name, tensor] : halves) tensor = tensor.to(at::kBFloat16);
  const auto target = make_network(model_info("lenet"), 10, 2);
  load_state_dict(*target, halves, "'x.pt'");
  EXPECT_TRUE(at::allclose(source->parameters()[0], target->parameters()[0], 1e-2, 1e-3));
}

TEST(Registry, UnknownNamesAreAnsweredWithTheNearest) {
  try {
    model_info("lenett");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.hint(), "did you mean 'lenet'?");
  }
}

TEST(Registry, EntriesAreComplete) {
  std::set<std::string> names;
  for (const ModelInfo& info : models()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(info.preprocessing.mean.size(), static_cast<std::size_t>(info.preprocessing.channels));
    EXPECT_EQ(info.preprocessing.std.size(), static_cast<std::size_t>(info.preprocessing.channels));
    EXPECT_GT(info.training.lr, 0);
    bool has_head = false;
    for (const auto& [name, tensor] : state_dict(*info.make(7))) has_head |= name == info.head && tensor.size(0) == 7;
    EXPECT_TRUE(has_head) << info.name;
  }
}

TEST(Registry, StatesOfNoKnownNetworkAreNotIdentified) {
  StateDict state = state_dict(*make_network(model_info("cnn"), 10, 1));
  state.pop_back();
  EXPECT_EQ(identify(state), nullptr);
  EXPECT_EQ(identify({}), nullptr);
  EXPECT_EQ(identify({{"fc2.weight", at::zeros({})}}), nullptr);
  StateDict of_other_classes = state_dict(*make_network(model_info("cnn"), 10, 1));
  of_other_classes.back().second = at::zeros({9});
  EXPECT_EQ(identify(of_other_classes), nullptr);
}

}  // namespace
}  // namespace mnist
