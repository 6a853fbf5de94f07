#include "infer_output.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/text.hpp"

#include "csv.hpp"

namespace mnist::cli {
namespace {

// "4", "none (no digit found)", "unsure (4 with 0.41)"
std::string answer(const Prediction& prediction) {
  if (prediction.reason.empty()) return printable(prediction.top.front().name);
  if (prediction.top.empty()) return fmt::format("none ({})", prediction.reason);
  const auto& best = prediction.top.front();
  return fmt::format("{} ({} with {:.2f})", prediction.reason, printable(best.name), best.probability);
}

// The probability has a line of its own: readers of logs know the first one as a whole.
std::string single(const Prediction& prediction) {
  std::string text;
  if (prediction.item) text += fmt::format("Label: {}, ", printable(prediction.item->label));
  text += fmt::format("Prediction: {}\n", answer(prediction));
  if (prediction.top.size() > 1) {
    for (const auto& one : prediction.top) text += fmt::format("{}\t{:.4f}\n", printable(one.name), one.probability);
  } else if (!prediction.item && prediction.reason.empty()) {
    text += fmt::format("Probability: {:.4f}\n", prediction.top.front().probability);
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
    if (prediction.reason.empty()) object["prediction"] = best.name;
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
    const bool is_answer = rank > 0 || prediction.reason.empty();
    text += fmt::format(",{},{},{}", is_answer ? csv_field(one.name) : "", one.index, one.probability);
  }
  if (!prediction.item) text += "," + csv_field(prediction.reason);
  return text + "\n";
}

}  // namespace

Prediction if_sure(Prediction prediction, double min_probability) {
  const bool unsure = !prediction.top.empty() && prediction.top.front().probability < min_probability;
  if (unsure && prediction.reason.empty()) prediction.reason = kUnsure;
  return prediction;
}

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
