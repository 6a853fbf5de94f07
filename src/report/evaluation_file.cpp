#include "mnist/report/evaluation_file.hpp"

#include <cstddef>
#include <exception>
#include <stdexcept>

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

template <class Value>
std::vector<Value> column(const nlohmann::json& columns, const char* name, std::size_t rows) {
  auto values = columns.at(name).get<std::vector<Value>>();
  if (values.size() != rows) throw std::invalid_argument("columns of different length");
  return values;
}

// Throws if something is missing or of another type.
StoredEvaluation stored_of(const nlohmann::json& json) {
  if (json.at("format_version") != kFormatVersion) throw std::invalid_argument("another version");
  const auto class_names = json.at("class_names").get<std::vector<std::string>>();
  const auto classes = std::ssize(class_names);
  const nlohmann::json& columns = json.at("predictions");
  StoredEvaluation stored{
      .model_sha256 = json.at("model_sha256"),
      .items = columns.at("item").get<std::vector<std::int64_t>>(),
      .files = {},
      .page = {.data = json.at("data"),
               .evaluation = {.loss = json.at("loss"), .correct = json.at("correct"), .total = json.at("total")},
               .report = ClassificationReport(classes, /*top_k=*/1),
               .class_names = class_names,
               .mistakes = {},
               .temperature = json.at("temperature"),
               .fitted_here = json.at("temperature_fitted_here")}};
  const std::size_t rows = stored.items.size();
  if (columns.contains("file")) stored.files = column<std::string>(columns, "file", rows);
  const auto truths = column<std::int64_t>(columns, "truth", rows);
  const auto predicted = column<std::int64_t>(columns, "predicted", rows);
  const auto probabilities = column<double>(columns, "probability", rows);
  const auto of_truth = column<double>(columns, "probability_of_truth", rows);
  const auto is_class = [&](std::int64_t index) { return index >= 0 && index < classes; };
  for (std::size_t row = 0; row < rows; ++row) {
    if (!is_class(truths[row]) || !is_class(predicted[row])) throw std::invalid_argument("no such class");
    stored.page.report.add(
        {static_cast<std::int64_t>(row), truths[row], predicted[row], probabilities[row], of_truth[row]});
  }
  return stored;
}

}  // namespace

void write_evaluation(const std::filesystem::path& path, const StoredEvaluation& stored) {
  const PageEvaluation& page = stored.page;
  const EvaluationJson json = {{"format_version", kFormatVersion},
                               {"model_sha256", stored.model_sha256},
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
