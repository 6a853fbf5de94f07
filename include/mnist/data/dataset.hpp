// Labelled images in memory as one tensor. There are no loader threads: a batch is an index_select (`data/batch.hpp`).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <torch/types.h>

namespace mnist {

struct Dataset {
  std::string name;                      // "mnist"
  torch::Tensor images;                  // uint8 [N, C, H, W]
  torch::Tensor labels;                  // int64 [N], each in [0, class_names.size())
  std::vector<std::string> class_names;  // label -> name

  std::int64_t size() const { return labels.size(0); }
};

// Moves all tensors of the data set to `device`, where batches are made.
Dataset to_device(Dataset dataset, const torch::Device& device);

struct HeldBack {
  Dataset rest;
  Dataset kept;
};

// Divides a data set on the CPU: `kept` gets `count` items, with nearly the same share of each class, selected by
// `epoch_order(size, seed, 0)`, so that the same items are kept every time. `count`: above 0 and below the size. Both
// parts have their items in the data set's order.
HeldBack hold_back(const Dataset& dataset, std::int64_t count, std::uint64_t seed);

enum class Split { train, test };

// The names for `load_dataset`: "mnist", "fashion-mnist".
const std::vector<std::string>& dataset_names();

// The class names of a data set; does not need its files. For models without a recipe.
const std::vector<std::string>& dataset_class_names(const std::string& name);

// Loads one split of a data set. `dir` is torchvision's root (`dir/MNIST/raw/...`, `dir/FashionMNIST/raw/...`) or a
// folder that contains the four files. Files may end in `.gz`; a dash or a dot precedes "idx" (train-images-idx3-ubyte,
// train-images.idx3-ubyte). Throws a data `Error` if files are missing (it names the searched folders and how to get
// the data), are damaged, have images of another size than 28 x 28, different counts, no items, or a label outside the
// classes. Throws a usage `Error` for an unknown name.
Dataset load_dataset(const std::string& name, const std::filesystem::path& dir, Split split);

}  // namespace mnist
