// Speed measurements on random data, for `mnist bench`: training steps, inference, and plain matrix products. Not for
// the time of a whole run, which also reads data, prepares photos, evaluates and writes files.
//
// A time is the median of several repetitions after a warm-up, which allocates memory, selects kernels and, on a GPU,
// records graphs. There is a device sync before and after each timed part.
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "mnist/core/recipe.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/model/network.hpp"
#include "mnist/train/compute.hpp"
#include "mnist/train/loop.hpp"

namespace mnist {

// How often a measurement is repeated: until both `seconds` and `min_repetitions` are reached.
struct TimingLimits {
  double seconds = 0.5;
  std::int64_t min_repetitions = 3;
  double max_seconds = 20;  // or `seconds` if that is more: after it, fewer than `min_repetitions` are enough
  std::int64_t max_repetitions = 10'000;
};

// The time of one repetition, in seconds.
struct Timing {
  double seconds = 0;  // the median
  double low = 0;      // 10th percentile
  double high = 0;     // 90th percentile
  std::int64_t repetitions = 0;
};

// Collects the times of repetitions until there are enough.
class Repetitions {
 public:
  explicit Repetitions(const TimingLimits& limits) : limits_(limits) {}

  // Adds one measurement: `count` repetitions took `seconds`. Counts as one repetition.
  void add(double seconds, std::int64_t count = 1);
  bool enough() const;
  Timing timing() const;  // needs at least one measurement

 private:
  TimingLimits limits_;
  std::vector<double> seconds_;  // per repetition
  double sum_ = 0;
};

// One product of two random matrices [size, size] in `precision`: 2 size^3 floating-point operations.
Timing time_product(std::int64_t size, const c10::Device& device, Precision precision, const TimingLimits& limits);

// A data set of `count` images with random bytes and random labels below `classes`, on `device`.
Dataset random_images(const Preprocessing& preprocessing, std::int64_t count, std::int64_t classes,
                      const c10::Device& device);

// The number of images that `time_training` needs for batches of `batch_size`.
std::int64_t images_for_timing(std::int64_t batch_size);

// One step of `Trainer` with these options, except that epochs, log interval, limit of batches and test batch size are
// set here. Changes the network's weights. `images`: at least `images_for_timing`, on the device.
Timing time_training(Network& network, const Dataset& images, const Preprocessing& preprocessing,
                     TrainingOptions options, const TimingLimits& limits);

// One inference as in `mnist infer`: from decoded pixels, uint8 [N, C, H, W] on the CPU, to probabilities on the CPU.
// Leaves the network in evaluation mode.
Timing time_inference(Network& network, const torch::Tensor& pixels, const Preprocessing& preprocessing,
                      const Compute& compute, const TimingLimits& limits);

}  // namespace mnist
