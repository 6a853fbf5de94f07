#include "mnist/train/speed.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "mnist/data/batch.hpp"
#include "mnist/data/batches.hpp"
#include "mnist/device/runtime.hpp"

namespace mnist {
namespace {

using SpeedClock = std::chrono::steady_clock;

double seconds_between(SpeedClock::time_point begin, SpeedClock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

// Number of steps that are timed together. On a GPU a device sync per step would make training slower than in a real
// run, which syncs every 10 steps (`TrainingOptions::log_interval`).
std::int64_t steps_together(const c10::Device& device) {
  return device.is_cpu() ? 1 : 10;
}

// Number of warm-up steps or inferences. On a GPU a step is recorded after three.
int warm_ups(const c10::Device& device) {
  return device.is_cpu() ? 2 : 10;
}

template <class Work>
Timing repeat(int first, const c10::Device& device, const TimingLimits& limits, const Work& work) {
  for (int i = 0; i < first; ++i) work();
  synchronize(device);
  Repetitions repetitions(limits);
  while (!repetitions.enough()) {
    const auto begin = SpeedClock::now();
    work();
    synchronize(device);
    repetitions.add(seconds_between(begin, SpeedClock::now()));
  }
  return repetitions.timing();
}

// Times the steps of a run.
class StepWatch : public TrainingObserver {
 public:
  StepWatch(const c10::Device& device, const TimingLimits& limits)
      : device_(device), warm_ups_(warm_ups(device)), repetitions_(limits) {}

  void batch_done(const BatchReport& report) override {
    // Skips the first step of an epoch, because its time includes the start of the epoch.
    if (report.batch == 1 || warm_ups_ > 0) {
      warm_ups_ = std::max(0, warm_ups_ - 1);
      begin();
    } else if (++steps_ == steps_together(device_)) {
      synchronize(device_);
      repetitions_.add(seconds_between(begun_, SpeedClock::now()), steps_);
      begin();
    }
  }

  bool done() const { return repetitions_.enough(); }
  Timing timing() const { return repetitions_.timing(); }

 private:
  void begin() {
    synchronize(device_);
    steps_ = 0;
    begun_ = SpeedClock::now();
  }

  c10::Device device_;
  int warm_ups_;
  Repetitions repetitions_;
  std::int64_t steps_ = 0;  // since `begun_`
  SpeedClock::time_point begun_;
};

}  // namespace

void Repetitions::add(double seconds, std::int64_t count) {
  seconds_.push_back(seconds / static_cast<double>(count));
  sum_ += seconds;
}

bool Repetitions::enough() const {
  const auto count = static_cast<std::int64_t>(seconds_.size());
  if (count == 0) return false;
  if (count >= limits_.max_repetitions || sum_ >= std::max(limits_.max_seconds, limits_.seconds)) return true;
  return count >= limits_.min_repetitions && sum_ >= limits_.seconds;
}

Timing Repetitions::timing() const {
  std::vector<double> sorted = seconds_;
  std::ranges::sort(sorted);
  const std::size_t tenth = sorted.size() / 10;
  return {.seconds = std::midpoint(sorted[(sorted.size() - 1) / 2], sorted[sorted.size() / 2]),
          .low = sorted[tenth],
          .high = sorted[sorted.size() - 1 - tenth],
          .repetitions = static_cast<std::int64_t>(sorted.size())};
}

Timing time_product(std::int64_t size, const c10::Device& device, Precision precision, const TimingLimits& limits) {
  const c10::AutoGradMode no_grad(false);
  const auto type = precision == Precision::bf16 ? at::kBFloat16 : at::kFloat;
  const auto options = at::TensorOptions(device).dtype(type);
  const torch::Tensor left = at::rand({size, size}, options);
  const torch::Tensor right = at::rand({size, size}, options);
  torch::Tensor product = at::empty({size, size}, options);
  const PrecisionScope scope(precision == Precision::tf32 ? precision : Precision::fp32, device);
  return repeat(1, device, limits, [&] { at::mm_out(product, left, right); });
}

Dataset random_images(const Preprocessing& preprocessing, std::int64_t count, std::int64_t classes,
                      const c10::Device& device) {
  const auto options = at::TensorOptions(device);
  Dataset images;
  images.name = "random";
  images.images = at::randint(0, 256, {count, preprocessing.channels, preprocessing.height, preprocessing.width},
                              options.dtype(at::kByte));
  images.labels = at::randint(0, classes, {count}, options.dtype(at::kLong));
  images.class_names.resize(static_cast<std::size_t>(classes));
  return images;
}

std::int64_t images_for_timing(std::int64_t batch_size) {
  // Two groups of steps, and the first step, which is skipped.
  constexpr std::int64_t kSteps = 21;
  return kSteps * batch_size;
}

Timing time_training(Network& network, const Dataset& images, const Preprocessing& preprocessing,
                     TrainingOptions options, const TimingLimits& limits) {
  options.epochs = std::numeric_limits<std::int32_t>::max();
  options.log_interval = steps_together(options.compute.device);
  options.limit_batches = images.size() / options.batch_size;  // full batches only
  // An evaluation follows each epoch; it is not timed.
  options.test_batch_size = 1;
  const Dataset one = {images.name, images.images.slice(0, 0, 1), images.labels.slice(0, 0, 1), images.class_names};
  ResidentBatches train_set(images, preprocessing);
  ResidentBatches test_set(one, preprocessing);
  StepWatch watch(options.compute.device, limits);
  train(network, train_set, test_set, options, {&watch}, [&] { return watch.done(); });
  return watch.timing();
}

Timing time_inference(Network& network, const torch::Tensor& pixels, const Preprocessing& preprocessing,
                      const Compute& compute, const TimingLimits& limits) {
  const c10::AutoGradMode no_grad(false);
  network.eval();
  return repeat(warm_ups(compute.device), compute.device, limits, [&] {
    const torch::Tensor inputs = normalize(pixels.to(compute.device), preprocessing);
    const PrecisionScope scope(compute.precision, compute.device);
    at::softmax(network.forward(inputs, Dropout::off()).cpu().to(at::kDouble), 1);
  });
}

}  // namespace mnist
