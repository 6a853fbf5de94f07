#include "mnist/report/reference_log.hpp"

#include <fmt/format.h>

namespace mnist {

std::string train_line(const IntervalReport& report) {
  return fmt::format("Train Epoch: {} [{}/{} ({:.0f}%)]\tLoss: {:.6f}", report.epoch, report.batch * report.batch_items,
                     report.items, 100.0 * static_cast<double>(report.batch) / static_cast<double>(report.batches),
                     report.loss);
}

std::string test_line(const Evaluation& evaluation, const std::string& part) {
  return fmt::format("{}: Average loss: {:.4f}, Accuracy: {}/{} ({:.0f}%)", part, evaluation.loss, evaluation.correct,
                     evaluation.total, 100.0 * evaluation.accuracy());
}

void ReferenceLog::interval(const IntervalReport& report) {
  write_(train_line(report) + "\n");
}

void ReferenceLog::epoch_done(const EpochReport& report) {
  write_(fmt::format("\n{}\n\n", test_line(report.test)));
}

}  // namespace mnist
