#include "mnist/predict/prediction.hpp"

#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace mnist {
namespace {

double in_nine_digits(double probability) {
  // Unlike std::stod, it takes subnormal numbers.
  return std::strtod(fmt::format("{:.{}g}", probability, kProbabilityDigits).c_str(), nullptr);
}

// Adds prediction, class_index, probability, top_k, and the reason if there is no answer.
void add_classes(nlohmann::ordered_json& object, const Prediction& prediction) {
  for (const auto* key : {"prediction", "class_index", "probability"}) object[key] = nullptr;
  object["top_k"] = nlohmann::ordered_json::array();
  for (const auto& one : prediction.top) {
    object["top_k"].push_back(
        {{"class", one.name}, {"class_index", one.index}, {"probability", in_nine_digits(one.probability)}});
  }
  if (!prediction.top.empty()) {
    const auto& best = prediction.top.front();
    if (prediction.reason.empty()) object["prediction"] = best.name;
    object["class_index"] = best.index;
    object["probability"] = in_nine_digits(best.probability);
  }
  if (!prediction.reason.empty()) object["reason"] = prediction.reason;
}

void add_annotated(nlohmann::ordered_json& object, const std::optional<std::string>& annotated) {
  if (!annotated) return;
  object["annotated"] = annotated->empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(*annotated);
}

}  // namespace

std::string reason_for(std::size_t digits, std::string_view option) {
  return digits == 0 ? kNothingFound : fmt::format("{} digits found; {} reads them", digits, option);
}

Prediction if_sure(Prediction prediction, double min_probability) {
  const bool unsure = !prediction.top.empty() && prediction.top.front().probability < min_probability;
  if (unsure && prediction.reason.empty()) prediction.reason = kUnsure;
  return prediction;
}

nlohmann::ordered_json json_of(const Prediction& prediction) {
  nlohmann::ordered_json object;
  if (prediction.item) {
    object["test_item"] = prediction.item->number;
    object["label"] = prediction.item->label;
  } else {
    object["path"] = prediction.path;
  }
  add_classes(object, prediction);
  add_annotated(object, prediction.annotated);
  return object;
}

nlohmann::ordered_json json_of(const std::string& path, const std::vector<DigitPrediction>& digits,
                               const std::optional<std::string>& annotated) {
  nlohmann::ordered_json object;
  object["path"] = path;
  object["digits"] = nlohmann::ordered_json::array();
  for (const auto& [prediction, box, number] : digits) {
    nlohmann::ordered_json digit;
    add_classes(digit, prediction);
    digit["line"] = number + 1;
    digit["box"] = {{"left", box.left}, {"top", box.top}, {"width", box.width}, {"height", box.height}};
    object["digits"].push_back(digit);
  }
  if (digits.empty()) object["reason"] = kNothingFound;
  add_annotated(object, annotated);
  return object;
}

std::string json_text(const nlohmann::ordered_json& object) {
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string text_of(PictureNote note) {
  switch (note) {
    case PictureNote::none:
      return "";
    case PictureNote::stroke_at_edge:
      return "a stroke at the edge is ignored; if it is a digit, leave a margin around it";
    case PictureNote::digit_at_edge:
      return "the ink touches the edge, so a part of a digit may be missing; leave a margin around it";
    case PictureNote::wide_digit:
      return "a digit is wider than high; if it is several digits, leave gaps between them";
    case PictureNote::small_marks:
      return "there are only small marks, below a fortieth of the picture; if they are digits, cut them out";
  }
  return "";
}

}  // namespace mnist
