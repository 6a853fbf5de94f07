#include "mnist/report/evaluation_file.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/json.hpp"

namespace mnist {
namespace {

constexpr int kFormatVersion = 1;

using EvaluationJson = nlohmann::ordered_json;

// One list a column, so that a table is made of them at once: pandas.DataFrame(json["predictions"]).
EvaluationJson columns_of(const StoredEvaluation& stored) {
  EvaluationJson columns = {{"item", stored.items}};
  if (!stored.files.empty()) columns["file"] = stored.files;
  for (const char* name : {"truth", "predicted", "probability", "probability_of_truth"}) {
    columns[name] = EvaluationJson::array();
  }
  for (const Answer& answer : stored.page.report.answers()) {
    columns["truth"].push_back(answer.truth);
    columns["predicted"].push_back(answer.predicted);
    columns["probability"].push_back(answer.probability);
    columns["probability_of_truth"].push_back(answer.probability_of_truth);
  }
  return columns;
}

// nlohmann converts other numbers without a word.
std::vector<std::int64_t> whole_numbers(const nlohmann::json& column) {
  std::vector<std::int64_t> values;
  values.reserve(column.size());
  for (const nlohmann::json& value : column) {
    if (!value.is_number_integer()) throw std::invalid_argument("no whole number");
    values.push_back(value.get<std::int64_t>());
  }
  return values;
}

std::vector<double> probabilities(const nlohmann::json& column) {
  auto values = column.get<std::vector<double>>();
  if (!std::ranges::all_of(values, [](double value) { return value >= 0 && value < 1.001; })) {
    throw std::invalid_argument("no probability");
  }
  return values;
}

// The answers of the columns, which have as many rows.
ClassificationReport report_of(const nlohmann::json& columns, std::size_t rows, std::int64_t classes) {
  ClassificationReport report(classes, /*top_k=*/1);
  const auto truths = whole_numbers(columns.at("truth"));
  const auto predicted = whole_numbers(columns.at("predicted"));
  const auto of_predicted = probabilities(columns.at("probability"));
  const auto of_truth = probabilities(columns.at("probability_of_truth"));
  for (const std::size_t size : {truths.size(), predicted.size(), of_predicted.size(), of_truth.size()}) {
    if (size != rows) throw std::invalid_argument("columns of different length");
  }
  const auto is_class = [&](std::int64_t index) { return index >= 0 && index < classes; };
  for (std::size_t row = 0; row < rows; ++row) {
    if (!is_class(truths[row]) || !is_class(predicted[row])) throw std::invalid_argument("no such class");
    report.add_answer({static_cast<std::int64_t>(row), truths[row], predicted[row], of_predicted[row], of_truth[row]});
  }
  return report;
}

// Throws if something is missing, of another type, or contradicts itself.
StoredEvaluation stored_of(const nlohmann::json& json) {
  if (json.at("format_version") != kFormatVersion) throw std::invalid_argument("another version");
  const auto class_names = json.at("class_names").get<std::vector<std::string>>();
  const nlohmann::json& columns = json.at("predictions");
  const std::vector<std::int64_t> items = whole_numbers(columns.at("item"));
  const Evaluation evaluation{
      .loss = json.at("loss"), .correct = whole_number(json, "correct"), .total = whole_number(json, "total")};
  ClassificationReport report = report_of(columns, items.size(), std::ssize(class_names));
  const auto right =
      std::ranges::count_if(report.answers(), [](const Answer& answer) { return answer.truth == answer.predicted; });
  if (evaluation.total != std::ssize(items) || evaluation.correct != right) {
    throw std::invalid_argument("the totals are not those of the rows");
  }
  return {.model_sha256 = json.at("model_sha256"),
          .data_sha256 = json.at("data_sha256"),
          .items = items,
          .page = {.data = json.at("data"),
                   .evaluation = evaluation,
                   .report = std::move(report),
                   .class_names = class_names,
                   .mistakes = {},
                   .temperature = json.at("temperature"),
                   .fitted_here = json.at("temperature_fitted_here")}};
}

}  // namespace

void write_evaluation(const std::filesystem::path& path, const StoredEvaluation& stored) {
  const PageEvaluation& page = stored.page;
  const EvaluationJson json = {{"format_version", kFormatVersion},
                               {"model_sha256", stored.model_sha256},
                               {"data_sha256", stored.data_sha256},
                               {"data", page.data},
                               {"loss", page.evaluation.loss},
                               {"correct", page.evaluation.correct},
                               {"total", page.evaluation.total},
                               {"temperature", page.temperature},
                               {"temperature_fitted_here", page.fitted_here},
                               {"class_names", page.class_names},
                               {"predictions", columns_of(stored)}};
  // Names of files may have any bytes.
  write_file_atomically(path, json.dump(-1, ' ', false, EvaluationJson::error_handler_t::replace) + "\n");
}

std::optional<StoredEvaluation> read_evaluation(const std::filesystem::path& path) {
  try {
    return stored_of(parse_bounded_json(read_file(path, "evaluation", kMaxJsonBytes)));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace mnist
