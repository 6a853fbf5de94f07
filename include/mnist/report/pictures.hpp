// Pictures of a run or an evaluation: photos with captions, a confusion matrix, figures of classes, curves. SVG if the
// name of the file ends in .svg, else PNG. Colours differ for colour-blind people, too.
// Each function replaces its file atomically and throws a data `Error` if it cannot be written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "mnist/report/run_record.hpp"

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

// One image in its own shape, its longer side between 240 and 1,200 pixels, with a frame and its caption below.
void draw_image(const std::filesystem::path& path, const CaptionedImage& image);

// `confusion`: int64 [classes, classes], rows the true classes, columns the predicted ones. The shade
// is the share of the row; numbers are omitted if they would be too small to read. Long names are shortened in the
// middle. `title`: one line above the matrix.
void draw_confusion(const std::filesystem::path& path, const torch::Tensor& confusion,
                    const std::vector<std::string>& class_names, const std::string& title);

// Recall and precision of each class as bars. `confusion`, `title`: as above.
void draw_class_bars(const std::filesystem::path& path, const torch::Tensor& confusion,
                     const std::vector<std::string>& class_names, const std::string& title);

// Loss, accuracy and learning rate of a run over its epochs: training and test set, single batches pale. Losses that
// are so high that they would flatten the others are cut off, and the picture says so.
void draw_curves(const std::filesystem::path& path, const RunRecord& run);

inline constexpr std::size_t kDistinctSeries = 12;  // runs in a picture whose colour or mark differ

struct ComparedRun {
  std::string name;
  const RunRecord* record = nullptr;
};

// Loss and accuracy of several runs.
void draw_comparison(const std::filesystem::path& path, const std::vector<ComparedRun>& runs);

// Those letters of the texts that no installed font has: a picture shows a box instead. UTF-8, each one once.
std::string letters_without_font(const std::vector<std::string>& texts);

// The speed of a computation by its size.
struct ScalingCurve {
  std::string name;
  std::vector<std::pair<double, double>> points;  // (size, operations per second), both above 0
};

// Matrix products: operations per second over the size of the matrices, both axes logarithmic. At least one curve, each
// with at least one point.
void draw_scaling(const std::filesystem::path& path, const std::vector<ScalingCurve>& curves);

}  // namespace mnist
