#include "infer_output.hpp"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/csv.hpp"
#include "mnist/core/text.hpp"

namespace mnist::cli {
namespace {

// Rounded down for an unsure answer, which must not look like a sure one: 0.99999 is then not 1.0000.
std::string probability_text(const Prediction& prediction, double probability) {
  constexpr double kDigits = 1e4;
  if (!prediction.reason.empty()) probability = std::floor(probability * kDigits) / kDigits;
  return fmt::format("{:.4f}", probability);
}

// The probability has its own line: log readers expect the first line as it is, above all that of a test item.
std::string single(const Prediction& prediction) {
  std::string text;
  if (prediction.item) text += fmt::format("Label: {}, ", printable(prediction.item->label));
  text += fmt::format("Prediction: {}\n", answer(prediction));
  if (prediction.top.size() > 1) {
    for (const auto& one : prediction.top) {
      text += fmt::format("{}\t{}\n", printable(one.name), probability_text(prediction, one.probability));
    }
  } else if (prediction.reason.empty()) {
    text += fmt::format("Probability: {:.4f}\n", prediction.top.front().probability);
  }
  return text;
}

// class<TAB>probability of each class, after the reason if there is no answer.
std::string class_fields(const Prediction& prediction) {
  std::string text;
  if (!prediction.reason.empty()) text += fmt::format("\tnone\t-\t{}", prediction.reason);
  for (const auto& one : prediction.top) {
    text += fmt::format("\t{}\t{}", printable(one.name), probability_text(prediction, one.probability));
  }
  return text;
}

std::string annotated_field(const std::optional<std::string>& annotated) {
  return annotated ? "," + csv_field(*annotated) : "";
}

std::string csv_classes(const Prediction& prediction, std::size_t top_k) {
  std::string text;
  for (std::size_t rank = 0; rank < top_k; ++rank) {
    if (rank >= prediction.top.size()) {
      text += ",,,";
      continue;
    }
    const auto& one = prediction.top[rank];
    const bool is_answer = rank > 0 || prediction.reason.empty();
    text += fmt::format(",{},{},{:.{}g}", is_answer ? csv_field(one.name) : "", one.index, one.probability,
                        kProbabilityDigits);
  }
  return text;
}

std::string csv(const Prediction& prediction, std::size_t top_k) {
  const auto text = csv_classes(prediction, top_k);
  if (prediction.item)
    return fmt::format("{},{}{}\n", prediction.item->number, csv_field(prediction.item->label), text);
  return fmt::format("{}{},{}{}\n", csv_field(prediction.path), text, csv_field(prediction.reason),
                     annotated_field(prediction.annotated));
}

std::string class_columns(std::size_t top_k) {
  std::string columns = ",prediction,class_index,probability";
  for (std::size_t rank = 2; rank <= top_k; ++rank) {
    columns += fmt::format(",prediction_{0},class_index_{0},probability_{0}", rank);
  }
  return columns;
}

std::string box_text(const PictureBox& box) {
  return fmt::format("{},{},{},{}", box.left, box.top, box.width, box.height);
}

std::string single_digits(const std::vector<DigitPrediction>& digits) {
  std::string text = "Prediction: " + digits_text(digits) + "\n";
  for (const auto& [prediction, box, number] : digits) text += box_text(box) + class_fields(prediction) + "\n";
  return text;
}

}  // namespace

std::string answer(const Prediction& prediction) {
  if (prediction.reason.empty()) return printable(prediction.top.front().name);
  if (prediction.top.empty()) return fmt::format("none ({})", prediction.reason);
  const auto& best = prediction.top.front();
  return fmt::format("{} ({} with {})", prediction.reason, printable(best.name),
                     probability_text(prediction, best.probability));
}

std::string digits_text(const std::vector<DigitPrediction>& digits) {
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0) text += digits[i].line == digits[i - 1].line ? " " : " / ";
    const Prediction& prediction = digits[i].prediction;
    text += prediction.reason.empty() ? answer(prediction) : "?";
  }
  return text;
}

std::string infer_header(InferForm form, bool test_item, std::size_t top_k, bool annotated) {
  if (form != InferForm::csv) return "";
  if (test_item) return "test_item,label" + class_columns(top_k) + "\n";
  return "path" + class_columns(top_k) + ",reason" + (annotated ? ",annotated\n" : "\n");
}

std::string infer_result(InferForm form, const Prediction& prediction, std::size_t top_k) {
  switch (form) {
    case InferForm::single:
      return single(prediction);
    case InferForm::lines:
      return printable(prediction.path) + class_fields(prediction) + "\n";
    case InferForm::json:
      return json_text(json_of(prediction)) + "\n";
    case InferForm::csv:
      return csv(prediction, top_k);
  }
  return "";
}

std::string digits_header(InferForm form, std::size_t top_k, bool annotated) {
  if (form != InferForm::csv) return "";
  return "path,line,left,top,width,height" + class_columns(top_k) + ",reason" + (annotated ? ",annotated\n" : "\n");
}

std::string digits_result(InferForm form, const std::string& path, const std::vector<DigitPrediction>& digits,
                          std::size_t top_k, const std::optional<std::string>& annotated) {
  if (form == InferForm::json) return json_text(json_of(path, digits, annotated)) + "\n";
  const Prediction none{path, std::nullopt, {}, kNothingFound, std::nullopt};
  if (form == InferForm::single) return digits.empty() ? single(none) : single_digits(digits);
  const bool is_csv = form == InferForm::csv;
  if (digits.empty() && is_csv)
    return fmt::format("{},,,,,{},{}{}\n", csv_field(path), csv_classes(none, top_k), none.reason,
                       annotated_field(annotated));
  if (digits.empty()) return fmt::format("{}\t-{}\n", printable(path), class_fields(none));
  std::string text;
  for (const auto& [prediction, box, number] : digits) {
    if (is_csv) {
      text += fmt::format("{},{},{}{},{}{}\n", csv_field(path), number + 1, box_text(box),
                          csv_classes(prediction, top_k), csv_field(prediction.reason), annotated_field(annotated));
    } else {
      text += fmt::format("{}\t{}{}\n", printable(path), box_text(box), class_fields(prediction));
    }
  }
  return text;
}

}  // namespace mnist::cli
