// Results of a classification by class: confusion matrix, precision, recall, F1, top-k accuracy, calibration, and the
// answer for each item.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <torch/types.h>

namespace mnist {

// Figures of one class. A figure with denominator 0 is 0 (scikit-learn's `zero_division=0`).
struct ClassFigures {
  double precision = 0;        // share of this class among the items that are predicted as it
  double recall = 0;           // share of correct predictions among the items of this class
  double f1 = 0;               // harmonic mean of the two
  std::int64_t support = 0;    // items of this class
  std::int64_t predicted = 0;  // items predicted as this class
};

// What was predicted for an item.
struct Answer {
  std::int64_t item = 0;  // its place among the items of the report
  std::int64_t truth = 0;
  std::int64_t predicted = 0;
  double probability = 0;           // of the predicted class
  double probability_of_truth = 0;  // of the true class
};

// Items of nearly the same probability of the predicted class.
struct CalibrationBin {
  std::int64_t items = 0;
  std::int64_t right = 0;
  double probability = 0;  // sum over the items
};

class ClassificationReport {
 public:
  // `top_k`: between 1 and `classes`.
  ClassificationReport(std::int64_t classes, std::int64_t top_k) : classes_(classes), top_k_(top_k) {}

  // Adds the next items: log-probabilities [N, classes] and targets [N], on any device.
  void add(const torch::Tensor& log_probabilities, const torch::Tensor& targets);
  // Adds the next item, whose place is its number. Throws std::logic_error unless top_k is 1.
  void add_answer(const Answer& answer);

  std::int64_t classes() const { return classes_; }
  std::int64_t top_k() const { return top_k_; }
  double top_k_accuracy() const;  // share of items whose class is among the k most probable

  std::int64_t count(std::int64_t truth, std::int64_t predicted) const;  // items
  // Items by (truth, predicted), of the pairs that occur.
  const std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t>& counts() const { return counts_; }
  torch::Tensor confusion() const;  // int64 [classes, classes]: rows the true classes, columns the predicted ones
  std::vector<ClassFigures> by_class() const;
  ClassFigures macro_average() const;  // unweighted means over the classes with items or predictions, as scikit-learn's

  // 15 bins of equal width, from probability 0 to 1; a value on the border is in the lower one.
  const std::vector<CalibrationBin>& calibration() const { return bins_; }
  // How far probability and share of right answers are apart in the mean of the items: the sum over the bins of
  // |right - probability| / items in all (ECE; Naeini et al., AAAI 2015). 0 to 1.
  double expected_calibration_error() const;

  const std::vector<Answer>& answers() const { return answers_; }  // in the order of the items
  std::vector<Answer> mistakes() const;                            // the wrong ones
  // At most so many of the wrong ones, with the highest probability of the predicted class first.
  std::vector<Answer> surest_mistakes(std::size_t most) const;

 private:
  void record(const Answer& answer);

  std::int64_t classes_;
  std::int64_t top_k_;
  std::int64_t in_top_k_ = 0;
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> counts_;  // by (truth, predicted), for pairs that occur
  std::vector<Answer> answers_;
  std::vector<CalibrationBin> bins_ = std::vector<CalibrationBin>(15);
};

}  // namespace mnist
