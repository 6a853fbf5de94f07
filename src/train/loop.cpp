#include "mnist/train/loop.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/data/batch.hpp"

namespace mnist {
namespace {

// Images a second since the first batch, which pays for memory and kernels being set up, is done.
class Rate {
 public:
  void add(std::int64_t items) {
    const auto now = Clock::now();
    if (!started_) {
      started_ = true;
      start_ = now;
      return;
    }
    items_ += items;
    seconds_ = std::chrono::duration<double>(now - start_).count();
  }
  double per_second() const { return seconds_ > 0 ? static_cast<double>(items_) / seconds_ : 0; }

 private:
  using Clock = std::chrono::steady_clock;
  bool started_ = false;
  Clock::time_point start_;
  std::int64_t items_ = 0;
  double seconds_ = 0;
};

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void check_finite(double loss, std::int64_t epoch, const std::string& which) {
  if (std::isfinite(loss)) return;
  throw Error(ErrorKind::diverged, fmt::format("training diverged: the {} of epoch {} is {}", which, epoch, loss),
              "try a smaller --lr");
}

std::vector<torch::Tensor> trainable(const Network& network) {
  std::vector<torch::Tensor> parameters = network.parameters();
  std::erase_if(parameters, [](const torch::Tensor& parameter) { return !parameter.requires_grad(); });
  return parameters;
}

// What the batches of an epoch gave, kept on the device: reading a number there would make it wait.
class BatchFigures {
 public:
  BatchFigures(std::int64_t batches, const c10::Device& device)
      : losses_(at::zeros({batches}, device)), correct_(at::zeros({batches}, device)) {}

  void add(std::int64_t step, const torch::Tensor& loss, const torch::Tensor& logits, const torch::Tensor& targets) {
    const c10::AutoGradMode no_grad(false);
    losses_.select(0, step).copy_(loss);
    correct_.select(0, step).copy_(logits.argmax(1).eq(targets).sum());
  }

  // `size`: of a batch, the last of which may hold fewer of the `items`.
  void fill(TrainingReport& report, std::int64_t size, std::int64_t items) const {
    const torch::Tensor losses = losses_.cpu();
    const torch::Tensor correct = correct_.cpu();
    for (std::int64_t step = 0; step < losses.size(0); ++step) {
      const std::int64_t count = std::min(size, items - step * size);
      const float loss = losses.const_data_ptr<float>()[step];
      const float right = correct.const_data_ptr<float>()[step];
      report.batch_losses.push_back(loss);
      report.batch_accuracies.push_back(right / static_cast<float>(count));
      report.loss += static_cast<double>(loss) * static_cast<double>(count);
      report.correct += static_cast<std::int64_t>(right);
      report.total += count;
    }
    report.loss /= static_cast<double>(report.total);
  }

 private:
  torch::Tensor losses_;   // float [batches]
  torch::Tensor correct_;  // float [batches]
};

}  // namespace

TrainingResult train(Network& network, Batches& train_set, Batches& test_set, const TrainingOptions& options,
                     const std::vector<TrainingObserver*>& observers, const std::function<bool()>& stop_requested) {
  const std::int64_t items = train_set.size();
  std::int64_t batches = (items + options.batch_size - 1) / options.batch_size;
  if (options.limit_batches > 0) batches = std::min(batches, options.limit_batches);
  const auto optimizer = make_optimizer(options.optimizer, trainable(network));
  TrainingResult result;

  for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    for (TrainingObserver* observer : observers) observer->epoch_started(epoch, options.epochs);
    double lr = 0;
    const Stopwatch train_time;
    const torch::Tensor order = options.shuffle ? epoch_order(items, options.seed, epoch) : at::arange(items);
    train_set.start(order.slice(0, 0, batches * options.batch_size), epoch);
    Rate rate;
    BatchFigures figures(batches, options.device);
    network.train(options.inputs == Inputs::images);

    for (std::int64_t step = 0; step < batches; ++step) {
      if (stop_requested()) {
        result.stopped = true;
        return result;
      }
      lr = learning_rate(options.schedule, epoch, step, batches);
      const std::int64_t begin = step * options.batch_size;
      const std::int64_t end = std::min(begin + options.batch_size, items);
      const Batch batch = train_set.get(begin, end);

      torch::Tensor logits;
      {
        const PrecisionScope scope(options.precision, options.device);
        logits = options.inputs == Inputs::features ? network.head(batch.inputs)
                                                    : network.forward(batch.inputs, Dropout(options.seed, epoch, step));
      }
      const torch::Tensor loss = at::nll_loss(at::log_softmax(logits.to(at::kFloat), 1), batch.targets);
      optimizer->zero_grad();
      loss.backward();
      optimizer->step(lr);
      figures.add(step, loss, logits, batch.targets);

      rate.add(end - begin);
      if (step % options.log_interval == 0) {
        const auto value = loss.item<double>();
        check_finite(value, epoch, fmt::format("loss of batch {}", step));
        const IntervalReport report = {epoch, step, batches,          (epoch - 1) * batches + step, end - begin, items,
                                       value, lr,   rate.per_second()};
        for (TrainingObserver* observer : observers) observer->interval(report);
      }
      for (TrainingObserver* observer : observers) {
        observer->batch_done({epoch, options.epochs, step + 1, batches, end - begin});
      }
    }

    EpochReport report;
    report.train = {.epoch = epoch, .epochs = options.epochs, .lr = lr, .images_per_second = rate.per_second()};
    figures.fill(report.train, options.batch_size, items);
    report.train.seconds = train_time.seconds();
    check_finite(report.train.loss, epoch, "training loss");
    for (TrainingObserver* observer : observers) observer->training_done(report.train);

    const Stopwatch test_time;
    report.test = evaluate(network, test_set,
                           {.device = options.device,
                            .precision = options.precision,
                            .batch_size = options.test_batch_size,
                            .limit_batches = options.limit_batches,
                            .stop_requested = stop_requested,
                            .inputs = options.inputs});
    report.test_seconds = test_time.seconds();
    if (report.test.stopped) {
      result.stopped = true;
      return result;
    }
    check_finite(report.test.loss, epoch, "test loss");
    result.epochs = epoch;
    result.test = report.test;
    for (TrainingObserver* observer : observers) observer->epoch_done(report);
  }
  return result;
}

}  // namespace mnist
