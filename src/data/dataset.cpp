#include "mnist/data/dataset.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/suggest.hpp"
#include "mnist/format/idx.hpp"
#include "mnist/format/model_file.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kSide = 28;  // pixels; the same for the whole MNIST family

// A new data set of the MNIST family is one more row here.
struct Entry {
  std::string name;
  std::string folder;  // below the data folder: torchvision's name for it, or the exercise's
  std::vector<std::string> class_names;
  bool tensors = false;  // .pt files of tensors, not IDX files
};

const std::vector<std::string> kDigits = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

const std::vector<Entry>& table() {
  static const std::vector<Entry> entries{
      {"mnist", "MNIST", kDigits},
      {"fashion-mnist",
       "FashionMNIST",
       {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}},
      {"corruptmnist", "corruptmnist", kDigits, /*tensors=*/true},
  };
  return entries;
}

const Entry& find_entry(const std::string& name) {
  const auto found =
      std::find_if(table().begin(), table().end(), [&](const Entry& entry) { return entry.name == name; });
  if (found == table().end()) {
    throw usage_error(fmt::format("there is no data set '{}'", name), suggestion(name, dataset_names()));
  }
  return *found;
}

struct FileSearch {
  const Entry& entry;
  std::filesystem::path dir;
  std::array<std::filesystem::path, 2> folders;  // in the order in which they are looked into

  // The first of the names that a file can have; an unpacked file comes before a packed one, which costs more to read.
  std::filesystem::path find(const std::string& stem, const std::string& kind) const {
    for (const auto& folder : folders) {
      for (const char* const ending : {"", ".gz"}) {
        for (const char* const separator : {"-", "."}) {
          auto path = folder / fmt::format("{}{}{}{}", stem, separator, kind, ending);
          if (std::filesystem::is_regular_file(path)) return path;
        }
      }
    }
    std::error_code ignored;
    const auto hint =
        std::filesystem::is_directory(dir / "train", ignored)
            ? "photos in DIR/train/<class> and DIR/val/<class> are trained on with --arch resnet18"
            : fmt::format(
                  "get it with scripts/fetch_data {}, or name the folder that has it with --data-dir or MNIST_DATA_DIR",
                  entry.name);
    if (!std::filesystem::exists(dir)) {
      throw data_error(fmt::format("the data folder {} does not exist", quoted(dir)), hint);
    }
    throw data_error(fmt::format("data set '{}' is not there: no '{}-{}' or '{}-{}.gz' in {} or {}", entry.name, stem,
                                 kind, stem, kind, quoted(folders[0]), quoted(folders[1])),
                     hint);
  }
};

void check(const torch::Tensor& images, const std::filesystem::path& images_path, const torch::Tensor& labels,
           const std::filesystem::path& labels_path, const std::vector<std::string>& class_names) {
  if (images.size(1) != kSide || images.size(2) != kSide) {
    throw data_error(fmt::format("{} holds images of {} x {} pixels where {} x {} are wanted", quoted(images_path),
                                 images.size(1), images.size(2), kSide, kSide));
  }
  if (images.size(0) != labels.size(0)) {
    throw data_error(fmt::format("{} holds {} images, {} holds {} labels", quoted(images_path), images.size(0),
                                 quoted(labels_path), labels.size(0)),
                     "take both files from the same data set and split");
  }
  if (images.size(0) == 0) throw data_error(fmt::format("{} holds no images", quoted(images_path)));
  for (const auto label : {labels.min().item<std::int64_t>(), labels.max().item<std::int64_t>()}) {
    if (label >= 0 && label < static_cast<std::int64_t>(class_names.size())) continue;
    throw data_error(fmt::format("{} holds the label {} where 0 to {} are wanted", quoted(labels_path), label,
                                 class_names.size() - 1),
                     "the file is damaged or of another data set");
  }
}

// Bytes of values that were made from bytes: k / 255 for whole k. uint8 [N, 1, H, W] from float [N, H, W].
torch::Tensor bytes_of(const torch::Tensor& values, const std::filesystem::path& path) {
  if (values.dim() != 3 || !values.is_floating_point()) {
    throw data_error(fmt::format("{} holds no images: floats [N, rows, columns] are wanted", quoted(path)),
                     "give the files of the exercise, or those its corrupt_mnist.py writes");
  }
  const auto scaled = values.to(torch::kFloat32).mul(255);
  const auto bytes = scaled.round().clamp(0, 255);
  if (!scaled.sub(bytes).abs().lt(1e-3).all().item<bool>()) {
    throw data_error(fmt::format("{} holds values that are no bytes divided by 255", quoted(path)),
                     "take files that were neither scaled nor normalised");
  }
  return bytes.to(torch::kUInt8).unsqueeze(1);
}

torch::Tensor labels_of(const torch::Tensor& values, const std::filesystem::path& path) {
  if (values.dim() == 1 && values.scalar_type() == torch::kInt64) return values;
  throw data_error(fmt::format("{} holds no labels: int64 [N] is wanted", quoted(path)));
}

// train_images_0.pt, train_target_0.pt, train_images_1.pt, ... as many as there are; test_images.pt, test_target.pt.
Dataset load_tensors(const Entry& entry, const std::filesystem::path& dir, Split split) {
  const auto is_there = [](const std::filesystem::path& path) { return std::filesystem::is_regular_file(path); };
  const auto file = [&](const std::filesystem::path& folder, const char* kind, int index) {
    return folder /
           (split == Split::train ? fmt::format("train_{}_{}.pt", kind, index) : fmt::format("test_{}.pt", kind));
  };
  std::filesystem::path folder = dir / entry.folder;
  if (!is_there(file(folder, "images", 0)) && is_there(file(dir, "images", 0))) folder = dir;
  std::vector<torch::Tensor> images;
  std::vector<torch::Tensor> labels;
  for (int index = 0; index == 0 || (split == Split::train && is_there(file(folder, "images", index))); ++index) {
    const auto images_path = file(folder, "images", index);
    const auto labels_path = file(folder, "target", index);
    for (const auto& path : {images_path, labels_path}) {
      if (is_there(path)) continue;
      throw data_error(fmt::format("data set '{}' is not there: no {}", entry.name, quoted(path)),
                       "name the folder that has it with --data-dir");
    }
    images.push_back(bytes_of(read_tensor_file(images_path), images_path));
    labels.push_back(labels_of(read_tensor_file(labels_path), labels_path));
    check(images.back().squeeze(1), images_path, labels.back(), labels_path, entry.class_names);
  }
  return {entry.name, at::cat(images), at::cat(labels), entry.class_names};
}

}  // namespace

const std::vector<std::string>& dataset_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& entry : table()) all.push_back(entry.name);
    return all;
  }();
  return names;
}

const std::vector<std::string>& dataset_class_names(const std::string& name) {
  return find_entry(name).class_names;
}

Dataset load_dataset(const std::string& name, const std::filesystem::path& dir, Split split) {
  const auto& entry = find_entry(name);
  if (entry.tensors) return load_tensors(entry, dir, split);
  const FileSearch files{entry, dir, {dir / entry.folder / "raw", dir}};
  const std::string prefix = split == Split::train ? "train" : "t10k";
  const auto images_path = files.find(prefix + "-images", "idx3-ubyte");
  const auto labels_path = files.find(prefix + "-labels", "idx1-ubyte");
  const auto images = read_idx_images(images_path);
  const auto labels = read_idx_labels(labels_path);
  check(images, images_path, labels, labels_path, entry.class_names);
  return {name, images.unsqueeze(1), labels.to(torch::kInt64), entry.class_names};
}

Dataset to_device(Dataset dataset, const torch::Device& device) {
  dataset.images = dataset.images.to(device);
  dataset.labels = dataset.labels.to(device);
  return dataset;
}

}  // namespace mnist
