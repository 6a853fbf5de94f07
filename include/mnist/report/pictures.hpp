// What a run or an evaluation looks like, as PNG files: photos with captions, a confusion matrix, curves.
// Each function replaces its file atomically and throws a data `Error` where that cannot be written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/logger.h>
#include <torch/types.h>

#include "mnist/core/background.hpp"
#include "mnist/format/named_tensors.hpp"
#include "mnist/train/observer.hpp"

namespace mnist {

struct CaptionedImage {
  torch::Tensor pixels;                                      // uint8 [C, H, W], grey or RGB
  std::string caption;                                       // two lines at most, the rest is cut off
  enum class Mark { none, right, wrong } mark = Mark::none;  // the caption's colour
};

// The images in rows of `columns`, each scaled into a square tile without being distorted.
void draw_image_grid(const std::filesystem::path& path, const std::vector<CaptionedImage>& images, int columns);

// One image as large as it is (between 240 and 1,200 pixels), its caption below it.
void draw_image(const std::filesystem::path& path, const CaptionedImage& image);

// `confusion`: int64 [classes, classes], rows the true classes, columns the predicted ones. Shaded by the share of the
// row; numbers are written while they can be read.
void draw_confusion(const std::filesystem::path& path, const torch::Tensor& confusion,
                    const std::vector<std::string>& class_names);

// A run's figures: one value a batch, and one an epoch.
struct Curves {
  std::vector<float> losses;           // of training, a batch each
  std::vector<float> accuracies;       // of training, a batch each, 0..1
  std::vector<float> test_losses;      // an epoch each
  std::vector<float> test_accuracies;  // an epoch each
};

// Collects the curves of a run and draws them after every epoch, so that a run that is killed has its picture too.
class CurvesPicture : public TrainingObserver {
 public:
  // Keeps `log`, which is told if the picture cannot be written: no run ends for a picture. Drawn in `background`,
  // whose jobs must be done before this ends.
  CurvesPicture(std::filesystem::path path, spdlog::logger& log, Background& background)
      : path_(std::move(path)), log_(log), background_(background) {}
  void epoch_done(const EpochReport& report) override;

  // What it has so far, for a checkpoint, and back: float [values] by name.
  NamedTensors values() const;
  void restore(const NamedTensors& values);

 private:
  std::filesystem::path path_;
  spdlog::logger& log_;
  Background& background_;
  Curves curves_;
};

// Loss and accuracy side by side over the batches of the run: pale the batches, dark their running mean, dots the
// tests.
void draw_curves(const std::filesystem::path& path, const Curves& curves);

// How the rate of a computation grows with its size.
struct ScalingCurve {
  std::string name;
  std::vector<std::pair<double, double>> points;  // (size, operations a second), both above 0
};

// Matrix products: operations a second over the matrices' size, both axes logarithmic. At least one curve, each with at
// least one point.
void draw_scaling(const std::filesystem::path& path, const std::vector<ScalingCurve>& curves);

}  // namespace mnist
