#include "mnist/train/classification_report.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <stdexcept>

#include <ATen/ATen.h>

namespace mnist {
namespace {

double ratio(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

// (i / bins, (i + 1) / bins]; a probability that is not finite is in the first bin.
std::size_t bin_of(double probability, std::size_t bins) {
  if (!std::isfinite(probability)) return 0;
  const double position = std::ceil(probability * static_cast<double>(bins)) - 1;
  return static_cast<std::size_t>(std::clamp(position, 0.0, static_cast<double>(bins - 1)));
}

}  // namespace

void ClassificationReport::add(const torch::Tensor& log_probabilities, const torch::Tensor& targets) {
  const torch::Tensor rows = log_probabilities.to(at::kCPU, at::kDouble);
  const torch::Tensor truths = targets.to(at::kCPU).contiguous();
  const torch::Tensor best = log_probabilities.argmax(1).to(at::kCPU).contiguous();  // as `evaluate` counts them
  const torch::Tensor top = std::get<1>(rows.topk(top_k_, 1));
  in_top_k_ += top.eq(truths.unsqueeze(1)).any(1).sum().item<std::int64_t>();
  const auto values = rows.accessor<double, 2>();
  for (std::int64_t row = 0; row < truths.size(0); ++row) {
    const std::int64_t truth = truths.const_data_ptr<std::int64_t>()[row];
    const std::int64_t predicted = best.const_data_ptr<std::int64_t>()[row];
    record({std::ssize(answers_), truth, predicted, std::exp(values[row][predicted]), std::exp(values[row][truth])});
  }
}

void ClassificationReport::add_answer(const Answer& answer) {
  if (top_k_ != 1 || answer.item != std::ssize(answers_)) throw std::logic_error("not the next answer of top_k 1");
  in_top_k_ += answer.predicted == answer.truth ? 1 : 0;
  record(answer);
}

void ClassificationReport::record(const Answer& answer) {
  const bool right = answer.truth == answer.predicted;
  ++counts_[{answer.truth, answer.predicted}];
  CalibrationBin& bin = bins_[bin_of(answer.probability, bins_.size())];
  ++bin.items;
  bin.right += right ? 1 : 0;
  bin.probability += answer.probability;
  answers_.push_back(answer);
}

double ClassificationReport::top_k_accuracy() const {
  return ratio(static_cast<double>(in_top_k_), static_cast<double>(answers_.size()));
}

double ClassificationReport::expected_calibration_error() const {
  double sum = 0;
  for (const CalibrationBin& bin : bins_) sum += std::abs(static_cast<double>(bin.right) - bin.probability);
  return ratio(sum, static_cast<double>(answers_.size()));
}

std::int64_t ClassificationReport::count(std::int64_t truth, std::int64_t predicted) const {
  const auto found = counts_.find({truth, predicted});
  return found == counts_.end() ? 0 : found->second;
}

torch::Tensor ClassificationReport::confusion() const {
  torch::Tensor matrix = at::zeros({classes_, classes_}, at::kLong);
  for (const auto& [pair, count] : counts_) matrix[pair.first][pair.second] = count;
  return matrix;
}

std::vector<ClassFigures> ClassificationReport::by_class() const {
  std::vector<ClassFigures> figures(static_cast<std::size_t>(classes_));
  for (const auto& [pair, count] : counts_) {
    figures[static_cast<std::size_t>(pair.first)].support += count;
    figures[static_cast<std::size_t>(pair.second)].predicted += count;
  }
  for (std::int64_t index = 0; index < classes_; ++index) {
    ClassFigures& figure = figures[static_cast<std::size_t>(index)];
    const auto right = static_cast<double>(count(index, index));
    figure.precision = ratio(right, static_cast<double>(figure.predicted));
    figure.recall = ratio(right, static_cast<double>(figure.support));
    figure.f1 = ratio(2 * figure.precision * figure.recall, figure.precision + figure.recall);
  }
  return figures;
}

ClassFigures ClassificationReport::macro_average() const {
  ClassFigures mean;
  double count = 0;
  for (const ClassFigures& figure : by_class()) {
    if (figure.support == 0 && figure.predicted == 0) continue;
    ++count;
    mean.precision += figure.precision;
    mean.recall += figure.recall;
    mean.f1 += figure.f1;
    mean.support += figure.support;
    mean.predicted += figure.predicted;
  }
  if (count == 0) return mean;
  mean.precision /= count;
  mean.recall /= count;
  mean.f1 /= count;
  return mean;
}

std::vector<Answer> ClassificationReport::mistakes() const {
  std::vector<Answer> wrong;
  std::ranges::copy_if(answers_, std::back_inserter(wrong),
                       [](const Answer& answer) { return answer.truth != answer.predicted; });
  return wrong;
}

std::vector<Answer> ClassificationReport::surest_mistakes(std::size_t most) const {
  std::vector<Answer> wrong = mistakes();
  std::ranges::stable_sort(wrong, std::greater<>(), &Answer::probability);
  wrong.resize(std::min(wrong.size(), most));
  return wrong;
}

}  // namespace mnist
