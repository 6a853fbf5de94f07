#include "evaluate_output.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/csv.hpp"
#include "mnist/core/text.hpp"
#include "mnist/report/reference_log.hpp"
#include "mnist/train/calibration.hpp"

#include "print.hpp"

namespace mnist::cli {
namespace {

constexpr std::int64_t kMatrixInText = 20;
constexpr std::int64_t kMatrixInJson = 1000;
constexpr std::size_t kMistakesInText = 10;

// Columns of the longest name, at most `most`.
std::size_t widest(const std::vector<std::string>& names, std::size_t most) {
  std::size_t width = 0;
  for (const std::string& name : names) width = std::max(width, columns_of(printable(name)));
  return std::min(width, most);
}

// The name in exactly this number of columns.
std::string cell(const std::string& name, std::size_t width, Align align = Align::left) {
  return padded(shortened(printable(name), width), width, align);
}

std::string item_name(const EvaluationResult& result, const Answer& mistake) {
  if (result.paths.empty()) return std::to_string(mistake.item);
  return result.paths[static_cast<std::size_t>(mistake.item)].string();
}

const std::string& class_name(const EvaluationResult& result, std::int64_t index) {
  return result.class_names[static_cast<std::size_t>(index)];
}

std::string class_table(const EvaluationResult& result, std::size_t columns) {
  constexpr std::string_view kAverage = "macro average";
  constexpr std::size_t kFigures = 35;
  constexpr std::size_t kShortest = 8;
  constexpr std::size_t kLongest = 40;
  const std::size_t room = columns > kFigures + kShortest ? columns - kFigures : kShortest;
  const std::size_t width =
      std::min(std::max(kAverage.size(), widest(result.class_names, kLongest)), std::min(room, kLongest));
  std::string text = cell("class", width) + "  precision  recall      F1  images\n";
  const auto row = [&](const std::string& name, const ClassFigures& figures) {
    text += fmt::format("{}  {:9.4f}  {:6.4f}  {:6.4f}  {:6}\n", cell(name, width), figures.precision, figures.recall,
                        figures.f1, figures.support);
  };
  const auto figures = result.report.by_class();
  for (std::size_t index = 0; index < figures.size(); ++index) row(result.class_names[index], figures[index]);
  row(std::string(kAverage), result.report.macro_average());
  return text;
}

// The layout of the confusion matrix: all classes side by side if their names stay readable, else in parts.
struct MatrixLayout {
  std::size_t label = 0;   // columns of a row's name
  std::size_t column = 0;  // of a count, without the space before it
  std::int64_t at_once = 0;
};

MatrixLayout matrix_layout(const EvaluationResult& result, std::size_t columns) {
  constexpr std::size_t kWidest = 8;
  constexpr std::size_t kReadable = 5;
  const std::int64_t classes = result.report.classes();
  std::int64_t most = 0;
  for (std::int64_t truth = 0; truth < classes; ++truth) {
    for (std::int64_t predicted = 0; predicted < classes; ++predicted) {
      most = std::max(most, result.report.count(truth, predicted));
    }
  }
  const std::size_t digits = std::to_string(most).size();
  const std::size_t longest = widest(result.class_names, kWidest);
  MatrixLayout layout;
  layout.label = widest(result.class_names, std::max(kWidest, columns / 4));
  const std::size_t room = columns > layout.label ? columns - layout.label : 0;
  const std::size_t fitting = room / static_cast<std::size_t>(classes);  // with the space before it
  const std::size_t wanted = std::max(digits, longest);
  const std::size_t least = std::max(digits, std::min(longest, kReadable));
  if (fitting > least) return {layout.label, std::min(wanted, fitting - 1), classes};
  return {layout.label, least, std::max<std::int64_t>(1, static_cast<std::int64_t>(room / (least + 1)))};
}

std::string confusion_table(const EvaluationResult& result, std::size_t columns) {
  const std::int64_t classes = result.report.classes();
  if (classes > kMatrixInText) {
    return fmt::format("Confusion matrix of {} classes: see --format json or --confusion FILE\n", classes);
  }
  const auto [label, column, at_once] = matrix_layout(result, columns);
  constexpr std::string_view kHeading = "Confusion matrix (rows: true class, columns: predicted class)\n";
  std::string text(columns + 1 >= kHeading.size() ? kHeading : "Confusion matrix (rows: true, columns: predicted)\n");
  for (std::int64_t begin = 0; begin < classes; begin += at_once) {
    const std::int64_t end = std::min(begin + at_once, classes);
    if (begin > 0) text += '\n';
    text += std::string(label, ' ');
    for (std::int64_t predicted = begin; predicted < end; ++predicted) {
      text += ' ' + cell(class_name(result, predicted), column, Align::right);
    }
    text += '\n';
    for (std::int64_t truth = 0; truth < classes; ++truth) {
      text += cell(class_name(result, truth), label);
      for (std::int64_t predicted = begin; predicted < end; ++predicted) {
        text += fmt::format(" {:>{}}", result.report.count(truth, predicted), column);
      }
      text += '\n';
    }
  }
  return text;
}

std::string mistakes_table(const EvaluationResult& result) {
  constexpr std::size_t kName = 20;
  const std::size_t all = result.report.mistakes().size();
  if (all == 0) return "Nothing is misclassified\n";
  std::string text = fmt::format("Misclassified: {}", with_thousands(static_cast<std::int64_t>(all)));
  if (all > kMistakesInText) {
    text += fmt::format("; the {} surest (all: --misclassified FILE)", kMistakesInText);
  }
  text += '\n';
  for (const Answer& mistake : result.report.surest_mistakes(kMistakesInText)) {
    text +=
        fmt::format("  {}: {} ({:.1f} %), true: {} ({:.1f} %)\n", printable(item_name(result, mistake)),
                    shortened(printable(class_name(result, mistake.predicted)), kName), 100 * mistake.probability,
                    shortened(printable(class_name(result, mistake.truth)), kName), 100 * mistake.probability_of_truth);
  }
  return text;
}

nlohmann::ordered_json figures_json(const ClassFigures& figures) {
  return {
      {"precision", figures.precision}, {"recall", figures.recall}, {"f1", figures.f1}, {"support", figures.support}};
}

nlohmann::ordered_json calibration_json(const EvaluationResult& result) {
  nlohmann::ordered_json bins = nlohmann::ordered_json::array();
  const std::vector<CalibrationBin>& all = result.report.calibration();
  const auto edge = [&](std::size_t index) { return static_cast<double>(index) / static_cast<double>(all.size()); };
  for (std::size_t index = 0; index < all.size(); ++index) {
    const CalibrationBin& bin = all[index];
    const auto mean = [&](double sum) {
      return bin.items == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(sum / static_cast<double>(bin.items));
    };
    bins.push_back({{"from", edge(index)},
                    {"to", edge(index + 1)},
                    {"items", bin.items},
                    {"probability", mean(bin.probability)},
                    {"accuracy", mean(static_cast<double>(bin.right))}});
  }
  return {{"temperature", result.temperature},
          {"fitted_on_these", result.fitted_here},
          {"expected_error", result.report.expected_calibration_error()},
          {"bins", bins}};
}

}  // namespace

std::string evaluation_text(const EvaluationResult& result, std::size_t columns) {
  std::string text = fmt::format("\n{}\n\n", test_line(result.evaluation, result.part));
  // With top-k of all classes, the figure is always 1.
  if (result.report.top_k() > 1 && result.report.top_k() < result.report.classes()) {
    text += fmt::format("Top-{} accuracy: {:.4f}\n\n", result.report.top_k(), result.report.top_k_accuracy());
  }
  text += fmt::format("Expected calibration error: {:.2f} % ({})\n\n", 100 * result.report.expected_calibration_error(),
                      temperature_text(result.temperature, result.fitted_here));
  return text + class_table(result, columns) + "\n" + confusion_table(result, columns) + "\n" + mistakes_table(result);
}

std::string evaluation_json(const EvaluationResult& result) {
  const Evaluation& evaluation = result.evaluation;
  nlohmann::ordered_json json = {{"model", result.model},
                                 {"arch", result.arch},
                                 {"dataset", result.dataset},
                                 {"split", result.split},
                                 {"part", lower_case(result.part)},
                                 {"loss", evaluation.loss},
                                 {"correct", evaluation.correct},
                                 {"total", evaluation.total},
                                 {"accuracy", evaluation.accuracy()},
                                 {"top_k", result.report.top_k()},
                                 {"top_k_accuracy", result.report.top_k_accuracy()},
                                 {"calibration", calibration_json(result)},
                                 {"macro_average", figures_json(result.report.macro_average())}};
  json["classes"] = nlohmann::ordered_json::array();
  const auto by_class = result.report.by_class();
  for (std::size_t index = 0; index < by_class.size(); ++index) {
    nlohmann::ordered_json figures = {{"name", result.class_names[index]}};
    figures.update(figures_json(by_class[index]));
    json["classes"].push_back(figures);
  }
  const std::int64_t classes = result.report.classes();
  if (classes <= kMatrixInJson) {
    json["confusion"] = nlohmann::ordered_json::array();
    for (std::int64_t truth = 0; truth < classes; ++truth) {
      std::vector<std::int64_t> row;
      for (std::int64_t predicted = 0; predicted < classes; ++predicted) {
        row.push_back(result.report.count(truth, predicted));
      }
      json["confusion"].push_back(row);
    }
  }
  json["misclassified"] = nlohmann::ordered_json::array();
  for (const Answer& mistake : result.report.mistakes()) {
    nlohmann::ordered_json entry = {{"item", mistake.item}};
    if (!result.paths.empty()) entry["path"] = item_name(result, mistake);
    entry["true"] = class_name(result, mistake.truth);
    entry["predicted"] = class_name(result, mistake.predicted);
    entry["probability"] = mistake.probability;
    entry["probability_of_true"] = mistake.probability_of_truth;
    json["misclassified"].push_back(entry);
  }
  // Names and paths may not be UTF-8.
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string mistakes_csv(const EvaluationResult& result) {
  std::string text =
      std::string(result.paths.empty() ? "item" : "path") + ",true,predicted,probability,probability_of_true\n";
  for (const Answer& mistake : result.report.mistakes()) {
    text += fmt::format("{},{},{},{:.6f},{:.6f}\n", csv_field(item_name(result, mistake)),
                        csv_field(class_name(result, mistake.truth)), csv_field(class_name(result, mistake.predicted)),
                        mistake.probability, mistake.probability_of_truth);
  }
  return text;
}

}  // namespace mnist::cli
