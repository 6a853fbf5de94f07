#include "mnist/model/registry.hpp"

#include <map>
#include <utility>

#include <ATen/Context.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/suggest.hpp"

#include "cnn.hpp"
#include "convnet.hpp"
#include "lenet.hpp"
#include "mobilenet.hpp"
#include "resnet.hpp"

namespace mnist {
namespace {

// Mean and standard deviation of MNIST's training pixels, as in all reference programs.
const Preprocessing kMnistDigit = {Preprocessing::Kind::digit, 1, 28, 28, 0, {0.1307}, {0.3081}};

// Without normalisation: the exercise trains on values 0..1.
const Preprocessing kPlainDigit = {Preprocessing::Kind::digit, 1, 28, 28, 0, {0}, {1}};

// Mean and standard deviation of ImageNet's training photos, as in torchvision.
const Preprocessing kImageNetPhoto = {Preprocessing::Kind::photo, 3, 224, 224, 256, {0.485, 0.456, 0.406},
                                      {0.229, 0.224, 0.225}};

template <class T>
std::shared_ptr<Network> make(std::int64_t classes) {
  return std::make_shared<T>(classes);
}

std::function<std::shared_ptr<Network>(std::int64_t)> make_resnet(const ResNetLayout& layout) {
  return [layout](std::int64_t classes) { return std::make_shared<ResNet>(layout, classes); };
}

// A network of torchvision, with the recipe and the output of the transfer-learning tutorial.
ModelInfo photo_network(std::string name, std::string description, std::string head, std::string pretrained,
                        std::function<std::shared_ptr<Network>(std::int64_t)> make_it) {
  return {
      .name = std::move(name),
      .description = std::move(description),
      .head = std::move(head),
      .preprocessing = kImageNetPhoto,
      .training = {.dataset = "folder",
                   .epochs = 25,
                   .batch_size = 4,
                   .test_batch_size = 8,  // larger batches are slower: results of layers no longer fit into the cache
                   .optimizer = "sgd",
                   .lr = 0.001,
                   .momentum = 0.9,
                   .step_size = 7,
                   .gamma = 0.1,
                   .keep_best = "on"},
      .pretrained = std::move(pretrained),
      .names_classes = true,
      .prints_phases = true,
      .draws_photos = true,
      .make = std::move(make_it)};
}

// Whether the network, with the number of classes in `state`, has exactly the names and shapes of `state`, except
// num_batches_tracked. The network is built with one class, because the number in a file could fill the memory.
bool fits(const ModelInfo& info, std::int64_t classes, const StateDict& state) {
  const auto ignored = [](const std::string& name) { return name.ends_with("num_batches_tracked"); };
  const auto network = info.make(1);
  std::map<std::string, std::vector<std::int64_t>> expected;
  for (const auto& [name, tensor] : state_dict(*network)) {
    if (ignored(name)) continue;
    auto& sizes = expected[name] = tensor.sizes().vec();
    if (name.starts_with(info.head_layer())) sizes[0] = classes;
  }
  std::size_t matched = 0;
  for (const auto& [name, tensor] : state) {
    if (ignored(name)) continue;
    const auto found = expected.find(name);
    if (found == expected.end() || tensor.sizes() != found->second) return false;
    ++matched;
  }
  return matched == expected.size();
}

}  // namespace

const std::vector<ModelInfo>& models() {
  static const std::vector<ModelInfo> table = {
      {.name = "cnn",
       .description = "two convolutions and two linear layers with dropout, 1.2 M parameters (pytorch/examples)",
       .head = "fc2.weight",
       .preprocessing = kMnistDigit,
       .training = {.dataset = "mnist", .epochs = 14, .optimizer = "adadelta", .lr = 1.0, .step_size = 1, .gamma = 0.7},
       .fast = TrainingDefaults{.dataset = "mnist",
                                .epochs = 3,
                                .batch_size = 128,
                                .optimizer = "adam",
                                .lr = 0.003,
                                .schedule = "one-cycle"},
       .make = make<Cnn>},
      {.name = "lenet",
       .description = "two 5x5 convolutions and two linear layers, 0.4 M parameters (CHTC templates)",
       .head = "fc2.weight",
       .preprocessing = kMnistDigit,
       .training = {.dataset = "mnist", .epochs = 20, .optimizer = "sgd", .lr = 0.01, .momentum = 0.5},
       .make = make<LeNet>},
      {.name = "convnet",
       .description = "three convolutions and one linear layer, 0.1 M parameters (corrupted-MNIST exercise)",
       .head = "fc1.weight",
       .preprocessing = kPlainDigit,
       .training = {.dataset = "corruptmnist",
                    .epochs = 10,
                    .batch_size = 32,
                    .optimizer = "adam",
                    .lr = 0.001,
                    .shuffle = "off"},
       .make = make<ConvNet>},
      photo_network("resnet18", "ResNet-18 for photos, 11 M parameters, transfer learning (torchvision)", "fc.weight",
                    "resnet18-f37072fd.pth", make_resnet({ResNetLayout::Block::basic, {2, 2, 2, 2}})),
      photo_network("resnet34", "ResNet-34 for photos, 21 M parameters (torchvision)", "fc.weight",
                    "resnet34-b627a593.pth", make_resnet({ResNetLayout::Block::basic, {3, 4, 6, 3}})),
      photo_network("resnet50", "ResNet-50 for photos, 24 M parameters (torchvision)", "fc.weight",
                    "resnet50-0676ba61.pth", make_resnet({ResNetLayout::Block::bottleneck, {3, 4, 6, 3}})),
      photo_network("mobilenet_v3_small", "MobileNetV3-Small for photos, 1.5 M parameters, fast (torchvision)",
                    "classifier.3.weight", "mobilenet_v3_small-047dcff4.pth", make<MobileNetV3Small>),
  };
  return table;
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const ModelInfo& info : models()) names.push_back(info.name);
  return names;
}

const ModelInfo& model_info(std::string_view name) {
  for (const ModelInfo& info : models()) {
    if (info.name == name) return info;
  }
  throw usage_error(fmt::format("there is no network '{}'", name), suggestion(name, model_names()));
}

std::shared_ptr<Network> make_network(const ModelInfo& info, std::int64_t classes, std::uint64_t seed) {
  at::manual_seed(seed);
  return info.make(classes);
}

const ModelInfo* identify(const StateDict& state) {
  for (const ModelInfo& info : models()) {
    for (const auto& [name, tensor] : state) {
      // The limit protects against malicious files that describe huge networks.
      if (name == info.head && tensor.dim() >= 1 && tensor.size(0) >= 1 && tensor.size(0) <= 100'000 &&
          fits(info, tensor.size(0), state)) {
        return &info;
      }
    }
  }
  return nullptr;
}

}  // namespace mnist
