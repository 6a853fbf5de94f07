// Opens a split of any data set for training or evaluation: images in memory, or a folder of photos.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <c10/core/Device.h>
#include <spdlog/logger.h>

#include "mnist/core/recipe.hpp"
#include "mnist/core/status_line.hpp"
#include "mnist/data/batches.hpp"
#include "mnist/data/class_folders.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/distributed/communicator.hpp"
#include "mnist/predict/load_model.hpp"

namespace mnist::cli {

// The name of a data set that is a folder of pictures, not in the table.
inline constexpr const char* kFolder = "folder";

// The values of --dataset: the names in the table and "folder".
std::vector<std::string> all_dataset_names();

// The default data set of a model: the one it was trained on, else the one its network is for.
std::string dataset_of(const LoadedModel& model);

struct DataOptions {
  std::string dataset;
  std::filesystem::path data_dir;  // or, of pictures, a CSV file that lists them
  double val_split = 0;            // share of undivided pictures for validation; 0: none
  std::uint64_t split_seed = 0;
  // Training images of a data set of the table to keep back for the temperature. 0: no calibration, also not on the
  // validation pictures of a folder; nothing: the default, which is that for a folder, and none for a table.
  std::optional<std::int64_t> calibrate;
  std::int64_t cache_mb = 2048;
  std::string bad_images = "stop";
  std::function<bool()> stop_requested = [] { return false; };                 // called before each photo
  std::shared_ptr<Communicator> ranks = single_process();                      // processes that load the same data
  std::shared_ptr<StatusLine> status = std::make_shared<StatusLine>(nullptr);  // for progress
};

// --cache-mb and --bad-images, for photos only.
CLI::Option* add_cache_mb(CLI::App& app, std::int64_t& value);
CLI::Option* add_bad_images(CLI::App& app, std::string& value);

// Warns in one line of entries that are not named as images; if there are none, prints nothing.
void warn_of_ignored(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& ignored,
                     spdlog::logger& log);

struct OpenedData {
  std::vector<std::string> class_names;
  std::string fingerprint;  // SHA-256 of the items: pixels and labels, or each photo's name, size and label
  std::vector<std::filesystem::path> paths;  // of each item's picture; empty for data sets of the table
  std::vector<std::int64_t> class_counts;    // items of each class
  std::unique_ptr<Batches> batches;
};

struct Augmentation {
  bool on = false;     // of photos
  double degrees = 0;  // maximum rotation of digits
  std::uint64_t seed = 0;
};

// Options for opening a split.
struct Opening {
  const Preprocessing& preprocessing;
  Augmentation augmentation;
  c10::Device device = c10::kCPU;
  const CudaPlugin* cuda = nullptr;  // makes batches of photos on the GPU
};

// Opens images that stay in memory.
OpenedData open_resident(Dataset dataset, const Opening& opening);

// Throws a usage `Error` if the network takes photos: no data set of the table has photos.
void check_has_no_photos(const DataOptions& options, const Opening& opening);

// A split of a data set of the table. Throws as `load_dataset` and `check_has_no_photos` do.
OpenedData open_dataset(const DataOptions& options, Split split, const Opening& opening);

// Opens picture files: photos, or inputs of a network for digits. Logs broken ones. Throws a data `Error` if a picture
// is broken and `bad_images` is "stop", or if no picture of a class is left; and `Stopped`.
OpenedData open_pictures(PhotoFolder files, const DataOptions& options, const Opening& opening, spdlog::logger& log);

}  // namespace mnist::cli
