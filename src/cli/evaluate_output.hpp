// The results of `mnist evaluate` as text, JSON and CSV. Scripts read them: add forms, but do not change them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "mnist/train/classification_report.hpp"
#include "mnist/train/evaluate.hpp"

namespace mnist::cli {

struct EvaluationResult {
  std::string model;
  std::string arch;
  double temperature;  // of the probabilities in `report`; not used for the loss
  std::string dataset;
  std::string split;
  std::string part;          // "Test set", "Validation set", "Training set" or "All images"
  bool fitted_here = false;  // the temperature was fitted on these images
  std::vector<std::string> class_names;
  std::vector<std::filesystem::path> paths;  // of each item; empty if items only have numbers
  Evaluation evaluation;
  ClassificationReport report;
};

// The reference program's line, which begins with the part of the data set, then top-k, the expected calibration error,
// a table of the classes, the confusion matrix (up to 20 classes), and the mistakes with the highest probability. The
// tables have at most `columns` (at least 44) columns: long names are shortened in the middle, and the matrix is
// divided into parts.
std::string evaluation_text(const EvaluationResult& result, std::size_t columns);

// One object in one line, with everything: model, arch, dataset, split, part, loss, correct, total, accuracy, top_k,
// top_k_accuracy, calibration, macro_average, classes, confusion (up to 1,000 classes), misclassified.
std::string evaluation_json(const EvaluationResult& result);

// One line per mistake, with a header: item or path, true, predicted, probability, probability_of_true.
std::string mistakes_csv(const EvaluationResult& result);

}  // namespace mnist::cli
