// Pictures of a run or an evaluation as PNG files: photos with captions, a confusion matrix, curves.
// Each function replaces its file atomically and throws a data `Error` if it cannot be written.
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

// A box on an image, in parts of its width and height (0..1), with a short text above it.
struct MarkedBox {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
  std::string text;
};

struct CaptionedImage {
  torch::Tensor pixels;                                      // uint8 [C, H, W], grey or RGB
  std::string caption;                                       // at most two lines, the rest is cut off
  enum class Mark { none, right, wrong } mark = Mark::none;  // the caption's colour
  std::vector<MarkedBox> boxes = {};
};

// The images in rows of `columns`, each scaled into a square tile without being distorted.
void draw_image_grid(const std::filesystem::path& path, const std::vector<CaptionedImage>& images, int columns);

// One image in its own size (between 240 and 1,200 pixels), with its caption below.
void draw_image(const std::filesystem::path& path, const CaptionedImage& image);

// `confusion`: int64 [classes, classes], rows the true classes, columns the predicted ones. The shade
// is the share of the row; numbers are omitted if they would be too small to read. Long names are shortened in the
// middle. `title`: one line above the matrix.
void draw_confusion(const std::filesystem::path& path, const torch::Tensor& confusion,
                    const std::vector<std::string>& class_names, const std::string& title);

// A run's figures per batch and per epoch.
struct Curves {
  std::vector<float> losses;           // of training, per batch
  std::vector<float> accuracies;       // of training, per batch, 0..1
  std::vector<float> test_losses;      // per epoch
  std::vector<float> test_accuracies;  // per epoch
};

// Collects the curves of a run and draws them after every epoch, so that a killed run has a picture, too.
class CurvesPicture : public TrainingObserver {
 public:
  // Keeps a reference to `log` and warns there if the picture cannot be written; the run continues. Draws in
  // `background`, whose jobs must finish before this object is destroyed.
  CurvesPicture(std::filesystem::path path, spdlog::logger& log, Background& background)
      : path_(std::move(path)), log_(log), background_(background) {}
  void epoch_done(const EpochReport& report) override;

  // Saves the values to a checkpoint, and restores them: float [values] by name.
  NamedTensors values() const;
  void restore(const NamedTensors& values);

 private:
  std::filesystem::path path_;
  spdlog::logger& log_;
  Background& background_;
  Curves curves_;
};

// Loss and accuracy side by side over the batches of the run: batches pale, their running mean dark, tests as dots. If
// a few losses are so high that they would flatten the others, they are cut off, and the title says so.
void draw_curves(const std::filesystem::path& path, const Curves& curves);

// The speed of a computation by its size.
struct ScalingCurve {
  std::string name;
  std::vector<std::pair<double, double>> points;  // (size, operations per second), both above 0
};

// Matrix products: operations per second over the size of the matrices, both axes logarithmic. At least one curve, each
// with at least one point.
void draw_scaling(const std::filesystem::path& path, const std::vector<ScalingCurve>& curves);

}  // namespace mnist
