// Finds the pictures of --dataset folder without decoding them: DIR/train and DIR/val, or DIR/<class> or a CSV file,
// divided by --val-split.
#pragma once

#include <spdlog/logger.h>

#include "mnist/data/class_folders.hpp"

#include "open_data.hpp"

namespace mnist::cli {

// The pictures for training and validation. Warns of skipped files and of pictures in both parts, and logs
// how pictures were divided. Throws a usage
// `Error` if --val-split is missing or contradicts the existing folders, and as `scan_photo_folder`, `scan_all`,
// `divide` and `check_same_classes` do.
DividedPictures find_training_pictures(const DataOptions& options, spdlog::logger& log);

// The pictures for evaluation: those of the split if there are folders for each or `val_split` is above 0, else all.
PhotoFolder find_pictures(const DataOptions& options, Split split, spdlog::logger& log);

// Throws a usage `Error` if there is nothing to divide by `share`, the value of --val-split.
void check_val_split(double share, const DataOptions& options);

}  // namespace mnist::cli
