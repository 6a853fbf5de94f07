#include "metadata.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/version.hpp"
#include "mnist/predict/prediction.hpp"

#include "tensor_protocol.hpp"

namespace mnist {
namespace {

using Json = nlohmann::ordered_json;

Json versions_of(const std::string& name, const ModelList& all) {
  Json versions = Json::array();
  for (const auto& model : all) {
    const ModelSource& source = model->facts()->source;
    if (source.name == name) versions.push_back(std::to_string(source.version));
  }
  return versions;
}

Json tensor(const char* name, const char* type, const std::vector<std::int64_t>& shape) {
  return {{"name", name}, {"datatype", type}, {"shape", shape}};
}

}  // namespace

std::string server_metadata() {
  const Json object = {
      {"name", "mnist"}, {"version", build_info().version}, {"extensions", Json::array({"binary_tensor_data"})}};
  return json_text(object);
}

std::string model_metadata(const ModelFacts& facts, const ModelList& all) {
  const Recipe& recipe = facts.recipe;
  const Preprocessing& input = recipe.preprocessing;
  const auto classes = std::ssize(recipe.class_names);
  Json object = {{"name", facts.source.name}, {"versions", versions_of(facts.source.name, all)}, {"platform", "mnist"}};
  // Compilers differ on a list of one object in braces.
  object["inputs"] = Json::array({tensor(kPixels, "UINT8", {-1, input.channels, input.height, input.width})});
  object["outputs"] =
      Json::array({tensor(kProbabilities, "FP32", {-1, classes}), tensor(kLogits, "FP32", {-1, classes})});
  object["parameters"] = {{"arch", recipe.arch},
                          {"kind", input.kind == Preprocessing::Kind::photo ? "photo" : "digit"},
                          {"class_names", recipe.class_names},
                          {"sha256", facts.sha256}};
  return json_text(object);
}

std::string model_list(const ModelList& all) {
  Json models = Json::array();
  for (const auto& model : all) {
    const std::string& name = model->facts()->source.name;
    const bool is_new = std::ranges::none_of(models, [&](const Json& other) { return other["name"] == name; });
    if (is_new) models.push_back({{"name", name}, {"versions", versions_of(name, all)}, {"ready", true}});
  }
  return json_text(Json{{"models", models}});
}

std::string repository_index(const ModelList& all) {
  Json list = Json::array();
  for (const auto& model : all) {
    const ModelSource& source = model->facts()->source;
    list.push_back(
        {{"name", source.name}, {"version", std::to_string(source.version)}, {"state", "READY"}, {"reason", ""}});
  }
  return json_text(list);
}

std::string model_metrics(const ModelList& all) {
  std::string text = metric_heading("mnist_queue_images", "gauge", "Images that wait for the network.");
  for (const auto& model : all) {
    text += fmt::format("mnist_queue_images{{{}}} {}\n", model->facts()->labels, model->waiting());
  }
  text += metric_heading("mnist_model_info", "gauge", "The served models.");
  for (const auto& model : all) {
    const ModelFacts& facts = *model->facts();
    text += fmt::format("mnist_model_info{{{},{},{}}} 1\n", facts.labels, metric_label("arch", facts.recipe.arch),
                        metric_label("sha256", facts.sha256));
  }
  return text;
}

}  // namespace mnist
