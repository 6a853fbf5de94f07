#include "infer_output.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/text.hpp"

#include "csv.hpp"

namespace mnist::cli {
namespace {

std::string single(const Prediction& prediction) {
  std::string text;
  if (prediction.item) text += fmt::format("Label: {}, ", printable(prediction.item->label));
  if (!prediction.reason.empty()) return text + fmt::format("Prediction: none ({})\n", prediction.reason);
  text += fmt::format("Prediction: {}\n", printable(prediction.top.front().name));
  if (prediction.top.size() > 1) {
    for (const auto& one : prediction.top) text += fmt::format("{}\t{:.4f}\n", printable(one.name), one.probability);
  }
  return text;
}

std::string line(const Prediction& prediction) {
  std::string text = printable(prediction.path);
  if (!prediction.reason.empty()) text += fmt::format("\tnone\t-\t{}", prediction.reason);
  for (const auto& one : prediction.top) text += fmt::format("\t{}\t{:.4f}", printable(one.name), one.probability);
  return text + "\n";
}

std::string json(const Prediction& prediction) {
  nlohmann::ordered_json object;
  if (prediction.item) {
    object["test_item"] = prediction.item->number;
    object["label"] = prediction.item->label;
  } else {
    object["path"] = prediction.path;
  }
  for (const auto* key : {"prediction", "class_index", "probability"}) object[key] = nullptr;
  object["top_k"] = nlohmann::ordered_json::array();
  for (const auto& one : prediction.top) {
    object["top_k"].push_back({{"class", one.name}, {"class_index", one.index}, {"probability", one.probability}});
  }
  if (!prediction.top.empty()) {
    const auto& best = prediction.top.front();
    object["prediction"] = best.name;
    object["class_index"] = best.index;
    object["probability"] = best.probability;
  }
  if (!prediction.reason.empty()) object["reason"] = prediction.reason;
  // A path need not be UTF-8, JSON must.
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string csv(const Prediction& prediction, std::size_t top_k) {
  std::string text = prediction.item ? fmt::format("{},{}", prediction.item->number, csv_field(prediction.item->label))
                                     : csv_field(prediction.path);
  for (std::size_t rank = 0; rank < top_k; ++rank) {
    if (rank >= prediction.top.size()) {
      text += ",,,";
      continue;
    }
    const auto& one = prediction.top[rank];
    text += fmt::format(",{},{},{}", csv_field(one.name), one.index, one.probability);
  }
  if (!prediction.item) text += "," + csv_field(prediction.reason);
  return text + "\n";
}

}  // namespace

std::string infer_header(InferForm form, bool test_item, std::size_t top_k) {
  if (form != InferForm::csv) return "";
  std::string header = test_item ? "test_item,label" : "path";
  header += ",prediction,class_index,probability";
  for (std::size_t rank = 2; rank <= top_k; ++rank) {
    header += fmt::format(",prediction_{0},class_index_{0},probability_{0}", rank);
  }
  if (!test_item) header += ",reason";
  return header + "\n";
}

std::string infer_result(InferForm form, const Prediction& prediction, std::size_t top_k) {
  switch (form) {
    case InferForm::single:
      return single(prediction);
    case InferForm::lines:
      return line(prediction);
    case InferForm::json:
      return json(prediction);
    case InferForm::csv:
      return csv(prediction, top_k);
  }
  return "";
}

}  // namespace mnist::cli
