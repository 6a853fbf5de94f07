// The event file of a run for TensorBoard, `events.out.tfevents.<seconds>.<host>.<pid>` in the run directory: so
// `tensorboard --logdir runs` shows each run under the name of its folder. It has what PyTorch's SummaryWriter writes,
// without Python and protobuf.
//
//   train/loss, train/lr, train/images_per_second   at each log interval
//   train/epoch_loss, train/epoch_accuracy, test/loss, test/accuracy, epoch, time/train_seconds, time/test_seconds,
//   gpu/...                                         after each epoch
//   train/batch, test/predictions, test/confusion, test/mistakes    pictures
//   the options of the run, and how it ended        the tab HPARAMS, with test/accuracy and test/loss
//
// The step of an event is the index of the last batch in the run, from 0, as in metrics.jsonl; that of an epoch is its
// last batch. Pictures at the end have the number of batches. Values are rounded to single precision.
//
// Each process that works on the run writes a file of its own, which begins with the step from which readers ignore the
// earlier files: no step appears twice. If the process resumes from a checkpoint that was written before an epoch's
// evaluation, a row of the epoch's last batch is dropped, too. TensorBoard shows the options and the end that it read
// first: a failed run that was resumed stays FAILURE there. A stopped run has no end, as it can be resumed.
//
// Not written: the graph, histograms of weights, embeddings, profiles, and pictures of a confusion matrix of more than
// 200 classes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <spdlog/logger.h>

#include "mnist/core/background.hpp"
#include "mnist/core/file_system.hpp"
#include "mnist/device/gpu_monitor.hpp"
#include "mnist/report/page.hpp"
#include "mnist/report/row_file.hpp"
#include "mnist/train/observer.hpp"

namespace mnist {

// An option of the run.
struct HyperParameter {
  enum class Type { text = 1, flag = 2, number = 3 };  // TensorBoard's numbers
  std::string name;
  Type type = Type::text;
  std::optional<std::variant<std::string, bool, double>> value = {};  // of the type; nothing: not set
  bool important = false;                                             // a column that is shown by default
};

class TensorBoardFile : public TrainingObserver {
 public:
  struct Start {
    std::vector<HyperParameter> parameters = {};
    std::int64_t steps = 0;   // finished steps of the whole run
    bool evaluating = false;  // the evaluation of an epoch is next
  };

  // Does not throw if the file cannot be created or written: warns in `log` once, keeps the records in memory and tries
  // again. Writes in `background`, whose jobs must finish before this object is destroyed. Keeps references to `log`,
  // `background` and `files`. `gpu`: returns the figures of the GPU in use.
  TensorBoardFile(const std::filesystem::path& directory, const Start& start, spdlog::logger& log,
                  Background& background, GpuReader gpu = {}, FileSystem& files = FileSystem::system());

  const std::filesystem::path& path() const { return path_; }

  void interval(const IntervalReport& report) override;
  void epoch_done(const EpochReport& report) override;

  // Adds a PNG file. Warns in the log if it cannot be read. Any thread may call it if it gives the step; without it,
  // the picture is of the last step.
  void picture(const std::string& tag, const std::filesystem::path& png,
               std::optional<std::int64_t> step = std::nullopt);
  // Draws the confusion matrix and the mistakes.
  void evaluation(const PageEvaluation& evaluation);
  // The run has ended, and nothing continues it.
  void end(bool success);

  // After the jobs in `background`: tries for the last time to write what could not be written; logs what is lost.
  void finish();

 private:
  void add(const std::string& records);
  void write();
  void draw(const std::string& tag, const std::function<void(const std::filesystem::path&)>& draw_to);

  std::filesystem::path path_;
  std::string header_;
  spdlog::logger& log_;
  Background& background_;
  GpuReader gpu_;
  FileSystem& files_;
  std::int64_t steps_ = 0;       // finished ones of the run
  std::optional<RowFile> file_;  // used by jobs only; nothing: not created yet
  bool warned_ = false;          // that it cannot be created
  std::mutex mutex_;             // guards `waiting_`
  std::string waiting_;          // records
};

}  // namespace mnist
