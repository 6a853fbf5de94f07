#include "mnist/train/loop.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/train/step.hpp"

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

TrainingResult run(Network& network, Batches& train_set, Batches& test_set, const TrainingOptions& options,
                   const std::vector<TrainingObserver*>& observers, const std::function<bool()>& stop_requested) {
  const std::int64_t items = train_set.size();
  std::int64_t batches = (items + options.batch_size - 1) / options.batch_size;
  if (options.limit_batches > 0) batches = std::min(batches, options.limit_batches);
  const std::unique_ptr<TrainingStep> training = make_training_step(network, train_set, options);
  TrainingResult result;

  for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    for (TrainingObserver* observer : observers) observer->epoch_started(epoch, options.epochs);
    const Stopwatch train_time;
    const torch::Tensor order = options.shuffle ? epoch_order(items, options.seed, epoch) : at::arange(items);
    std::vector<double> rates;
    for (std::int64_t step = 0; step < batches; ++step) {
      rates.push_back(learning_rate(options.schedule, epoch, step, batches));
    }
    training->start(epoch, order.slice(0, 0, batches * options.batch_size), rates);
    Rate rate;
    network.train(options.inputs == Inputs::images);

    for (std::int64_t step = 0; step < batches; ++step) {
      if (stop_requested()) {
        result.stopped = true;
        return result;
      }
      const std::int64_t begin = step * options.batch_size;
      const std::int64_t end = std::min(begin + options.batch_size, items);
      training->run(step, begin, end);

      const bool reports = step % options.log_interval == 0;
      const double loss = reports ? training->loss(step) : 0;  // waits for the device, and so comes before the time
      rate.add(end - begin);
      if (reports) {
        check_finite(loss, epoch, fmt::format("loss of batch {}", step));
        const IntervalReport report = {epoch,
                                       step,
                                       batches,
                                       (epoch - 1) * batches + step,
                                       end - begin,
                                       items,
                                       loss,
                                       rates[static_cast<std::size_t>(step)],
                                       rate.per_second()};
        for (TrainingObserver* observer : observers) observer->interval(report);
      }
      for (TrainingObserver* observer : observers) {
        observer->batch_done({epoch, options.epochs, step + 1, batches, end - begin});
      }
    }

    EpochReport report;
    report.train = {.epoch = epoch, .epochs = options.epochs, .lr = rates.back()};
    training->fill(report.train, options.batch_size, items);  // waits for the device
    rate.add(0);
    report.train.images_per_second = rate.per_second();
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

}  // namespace

std::vector<torch::Tensor> trainable_parameters(const Network& network) {
  std::vector<torch::Tensor> parameters = network.parameters();
  std::erase_if(parameters, [](const torch::Tensor& parameter) { return !parameter.requires_grad(); });
  return parameters;
}

TrainingResult train(Network& network, Batches& train_set, Batches& test_set, const TrainingOptions& options,
                     const std::vector<TrainingObserver*>& observers, const std::function<bool()>& stop_requested) {
  TrainingResult result;
  const auto work = [&] { result = run(network, train_set, test_set, options, observers, stop_requested); };
  if (options.cuda != nullptr) {
    options.cuda->on_own_stream(options.device, work);
  } else {
    work();
  }
  return result;
}

}  // namespace mnist
