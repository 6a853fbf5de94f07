// How fast a device computes what the program is for: steps of training and answers of a network, beside plain matrix
// products, of numbers made by chance. For `mnist bench`. Not for the time a run takes, which also reads data, prepares
// photos, evaluates and writes.
//
// A time is the median of several repetitions, after some that are not counted: these set up memory, kernels and, on a
// GPU, recordings. The device has finished its work before and after what is timed.
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

// How often something is repeated: for so many seconds, and at least so many times.
struct TimingLimits {
  double seconds = 0.5;
  std::int64_t least = 3;
  double patience = 20;  // seconds, or `seconds` if that is more: then fewer than `least` are enough
  std::int64_t most = 10'000;
};

// Of one repetition, in seconds.
struct Timing {
  double seconds = 0;  // the median
  double low = 0;      // a tenth took less, and
  double high = 0;     // a tenth took more
  std::int64_t repetitions = 0;
};

// Collects the times of repetitions until there are enough of them.
class Repetitions {
 public:
  explicit Repetitions(const TimingLimits& limits) : limits_(limits) {}

  // `seconds` for `count` of them, which are counted as one.
  void add(double seconds, std::int64_t count = 1);
  bool enough() const;
  Timing timing() const;  // of at least one

 private:
  TimingLimits limits_;
  std::vector<double> seconds_;  // of one repetition each
  double sum_ = 0;
};

// One product of two uniform matrices [size, size], made in that precision: 2 size^3 operations.
Timing time_product(std::int64_t size, const c10::Device& device, Precision precision, const TimingLimits& limits);

// `count` images for a network, and labels below `classes`: uniform bytes on `device`.
Dataset random_images(const Preprocessing& preprocessing, std::int64_t count, std::int64_t classes,
                      const c10::Device& device);

// So many images make an epoch long enough for `time_training` with batches of that size.
std::int64_t images_for_timing(std::int64_t batch_size);

// One step of `Trainer` with these options, of which the epochs, the log interval and the limit of batches are put in
// here. The network is trained. `images`: at least `images_for_timing`, on the device.
Timing time_training(Network& network, const Dataset& images, const Preprocessing& preprocessing,
                     TrainingOptions options, const TimingLimits& limits);

// From pixels, uint8 [N, C, H, W] on the CPU, to probabilities there, as `mnist infer` does it with decoded pictures.
// The network is left in evaluation mode.
Timing time_inference(Network& network, const torch::Tensor& pixels, const Preprocessing& preprocessing,
                      const Compute& compute, const TimingLimits& limits);

}  // namespace mnist
