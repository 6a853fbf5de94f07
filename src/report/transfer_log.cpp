#include "mnist/report/transfer_log.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/text.hpp"

namespace mnist {

std::string phase_line(const std::string& phase, double loss, double accuracy) {
  return fmt::format("{} Loss: {:.4f} Acc: {:.4f}", phase, loss, accuracy);
}

std::string complete_line(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds);
  return fmt::format("Training complete in {}m {}s", whole / 60, whole % 60);
}

std::string transfer_header(const TransferRun& run) {
  std::vector<std::string> names;
  names.reserve(run.class_names.size());
  for (const std::string& name : run.class_names) names.push_back(fmt::format("'{}'", printable(name)));
  return fmt::format(
      "PyTorch version: {}\nUsing device: {}\nData directory: {}\nDataset sizes: {{'train': {}, 'val': {}}}\n"
      "Classes: [{}]\nTransfer learning scenario: {}\n\n",
      run.libtorch, run.device, run.data_dir, run.train_items, run.val_items, fmt::join(names, ", "), run.scenario);
}

std::string best_line(const Evaluation& best) {
  return fmt::format("Best val Acc: {:.6f}", best.accuracy());
}

std::string last_line(std::int64_t best_epoch, std::int64_t last_epoch, const Evaluation& last, bool saves_best) {
  return fmt::format("Last val Acc: {:.6f} (epoch {}; saved are {})", last.accuracy(), last_epoch - 1,
                     saves_best ? fmt::format("the weights of epoch {}, the best", best_epoch - 1) : "its weights");
}

void TransferLog::epoch_started(std::int64_t epoch, std::int64_t epochs) {
  write_(fmt::format("Epoch {}/{}\n----------\n", epoch - 1, epochs - 1));
}

void TransferLog::training_done(const TrainingReport& report) {
  const auto accuracy = static_cast<double>(report.correct) / static_cast<double>(report.total);
  write_(phase_line("train", report.loss, accuracy) + "\n");
}

void TransferLog::epoch_done(const EpochReport& report) {
  const double accuracy = report.test.accuracy();
  write_(phase_line("val", report.test.loss, accuracy) + "\n");
  if (accuracy > best_) {
    best_ = accuracy;
    write_("Epoch accuracy is better than current best, saving model...\n");
  }
  write_("\n");
}

}  // namespace mnist
