// Which pictures --dataset folder stands for, before any of them is decoded: DIR/train and DIR/val, or what --val-split
// makes of DIR/<class> or of a CSV file.
#pragma once

#include <spdlog/logger.h>

#include "mnist/data/class_folders.hpp"

#include "open_data.hpp"

namespace mnist::cli {

// To train on and to validate on. Warns of files that are left out, and says how pictures were divided. Throws a usage
// `Error` where --val-split is missing, or contradicts the folders that are there, and as `scan_photo_folder`,
// `scan_all`, `divide` and `check_same_classes` do.
DividedPictures find_training_pictures(const DataOptions& options, spdlog::logger& log);

// To evaluate a model on: of the split, where there are folders for each or `val_split` is above 0, else all.
PhotoFolder find_pictures(const DataOptions& options, Split split, spdlog::logger& log);

// Throws a usage `Error` where there is nothing that `share`, which was given as --val-split, could divide.
void check_val_split(double share, const DataOptions& options);

}  // namespace mnist::cli
