#include "mnist/train/loop.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <ATen/ATen.h>
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

}  // namespace

TrainingResult train(Network& network, const Dataset& train_set, const Dataset& test_set,
                     const Preprocessing& preprocessing, const TrainingOptions& options,
                     const std::vector<TrainingObserver*>& observers, const std::function<bool()>& stop_requested) {
  const std::int64_t items = train_set.size();
  std::int64_t batches = (items + options.batch_size - 1) / options.batch_size;
  if (options.limit_batches > 0) batches = std::min(batches, options.limit_batches);
  const auto optimizer = make_optimizer(options.optimizer, network.parameters());
  TrainingResult result;

  for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    const double lr = learning_rate(options.schedule, epoch);
    const torch::Tensor order = epoch_order(items, options.seed, epoch).to(options.device);
    const Stopwatch train_time;
    Rate rate;
    network.train();

    for (std::int64_t step = 0; step < batches; ++step) {
      if (stop_requested()) {
        result.stopped = true;
        return result;
      }
      const std::int64_t begin = step * options.batch_size;
      const std::int64_t end = std::min(begin + options.batch_size, items);
      const Batch batch = gather_batch(train_set, order.slice(0, begin, end), preprocessing);

      torch::Tensor loss;
      {
        const PrecisionScope scope(options.precision, options.device);
        const torch::Tensor logits = network.forward(batch.inputs, Dropout(options.seed, epoch, step));
        loss = at::nll_loss(at::log_softmax(logits.to(at::kFloat), 1), batch.targets);
      }
      optimizer->zero_grad();
      loss.backward();
      optimizer->step(lr);

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

    const double train_seconds = train_time.seconds();
    for (TrainingObserver* observer : observers) observer->evaluating(epoch);
    const Stopwatch test_time;
    const Evaluation test =
        evaluate(network, test_set, preprocessing,
                 {options.device, options.precision, options.test_batch_size, options.limit_batches, stop_requested});
    if (test.stopped) {
      result.stopped = true;
      return result;
    }
    check_finite(test.loss, epoch, "test loss");
    result.epochs = epoch;
    result.test = test;
    const EpochReport report = {epoch, options.epochs, lr, train_seconds, test_time.seconds(), rate.per_second(), test};
    for (TrainingObserver* observer : observers) observer->epoch_done(report);
  }
  return result;
}

}  // namespace mnist
