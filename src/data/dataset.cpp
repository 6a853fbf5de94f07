#include "mnist/data/dataset.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <ATen/ops/cat.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/suggest.hpp"
#include "mnist/format/fetch_command.hpp"
#include "mnist/format/idx.hpp"
#include "mnist/format/model_file.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kSide = 28;  // pixels; the same for the whole MNIST family

// To add a data set of the MNIST family, add a row.
struct Entry {
  std::string name;
  std::string folder;  // in the data folder; torchvision's or the exercise's name
  std::vector<std::string> class_names;
  bool tensors = false;  // .pt files with tensors instead of IDX files
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
  std::array<std::filesystem::path, 2> folders;  // in search order

  // The first existing one of a file's possible names. Unpacked files have priority, because they are faster to read.
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
            ? "pictures in DIR/train/<class> and DIR/val/<class> need --dataset folder; to train on photos, use "
              "--arch resnet18"
            : fmt::format("download it with {}, or give its folder with --data-dir or MNIST_DATA_DIR",
                          fetch_command(entry.name));
    if (!std::filesystem::exists(dir)) {
      throw data_error(fmt::format("the data folder {} does not exist", quoted(dir)), hint);
    }
    throw data_error(fmt::format("data set '{}' is missing: there is no '{}-{}' or '{}-{}.gz' in {} or {}", entry.name,
                                 stem, kind, stem, kind, quoted(folders[0]), quoted(folders[1])),
                     hint);
  }
};

// A pair of files: images [N, rows, columns] and labels [N].
struct FilePair {
  std::filesystem::path images;
  std::filesystem::path labels;
};

void check_sizes(torch::IntArrayRef images, torch::IntArrayRef labels, const FilePair& files, const char* hint) {
  if (images[1] != kSide || images[2] != kSide) {
    throw data_error(fmt::format("{} holds images of {} x {} pixels, not {} x {}", quoted(files.images), images[1],
                                 images[2], kSide, kSide),
                     hint);
  }
  if (images[0] != labels[0]) {
    throw data_error(fmt::format("{} holds {} images, {} holds {} labels", quoted(files.images), images[0],
                                 quoted(files.labels), labels[0]),
                     "use two files of the same data set and split");
  }
  if (images[0] == 0) throw data_error(fmt::format("{} holds no images", quoted(files.images)), hint);
}

// `labels`: not empty.
void check_labels(const torch::Tensor& labels, const std::filesystem::path& path, std::size_t classes) {
  for (const auto label : {labels.min().item<std::int64_t>(), labels.max().item<std::int64_t>()}) {
    if (label >= 0 && label < static_cast<std::int64_t>(classes)) continue;
    throw data_error(fmt::format("{} holds the label {}, outside of 0 to {}", quoted(path), label, classes - 1),
                     "the file is damaged or of another data set");
  }
}

constexpr const char* kExerciseFiles = "use the files of the exercise, or those that its corrupt_mnist.py writes";

// "float32 [5000, 784]"
std::string kind_of(const torch::Tensor& values) {
  return fmt::format("{} [{}]", c10::getDtypeNames(values.scalar_type()).first, fmt::join(values.sizes(), ", "));
}

// Converts values k / 255 with integer k back to bytes: uint8 [N, 1, H, W] from float [N, H, W].
torch::Tensor bytes_of(const torch::Tensor& values, const std::filesystem::path& path) {
  if (values.dim() != 3 || !values.is_floating_point()) {
    const bool same_pixels = values.is_floating_point() && values.dim() > 0 && values.size(0) > 0 &&
                             values.numel() / values.size(0) == kSide * kSide;
    throw data_error(fmt::format("{} holds {}, not floats [N, {}, {}]", quoted(path), kind_of(values), kSide, kSide),
                     same_pixels ? "save it in that shape: torch.save(images.view(-1, 28, 28), path)" : kExerciseFiles);
  }
  const auto scaled = values.to(torch::kFloat32).mul(255);
  const auto bytes = scaled.round().clamp(0, 255);
  if (!scaled.sub(bytes).abs().lt(1e-3).all().item<bool>()) {
    throw data_error(fmt::format("{} holds values that are not bytes divided by 255", quoted(path)),
                     "use files that are neither scaled nor normalised");
  }
  return bytes.to(torch::kUInt8).unsqueeze(1);
}

torch::Tensor labels_of(const torch::Tensor& values, const std::filesystem::path& path) {
  if (values.dim() == 1 && values.scalar_type() == torch::kInt64) return values;
  throw data_error(fmt::format("{} holds {}, not labels: int64 [N]", quoted(path), kind_of(values)),
                   values.dim() == 1 ? "save them as int64: torch.save(labels.long(), path)" : kExerciseFiles);
}

// Throws if the files of one part are invalid.
void append_tensors(const FilePair& files, const std::vector<std::string>& class_names,
                    std::vector<torch::Tensor>& all_images, std::vector<torch::Tensor>& all_labels) {
  const torch::Tensor images = bytes_of(read_tensor_file(files.images), files.images);
  const torch::Tensor labels = labels_of(read_tensor_file(files.labels), files.labels);
  check_sizes(images.squeeze(1).sizes(), labels.sizes(), files, kExerciseFiles);
  check_labels(labels, files.labels, class_names.size());
  all_images.push_back(images);
  all_labels.push_back(labels);
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
    const FilePair files{file(folder, "images", index), file(folder, "target", index)};
    for (const auto& path : {files.images, files.labels}) {
      if (is_there(path)) continue;
      throw data_error(fmt::format("data set '{}' is missing: there is no {}", entry.name, quoted(path)),
                       "give its folder with --data-dir");
    }
    append_tensors(files, entry.class_names, images, labels);
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
  const FileSearch search{entry, dir, {dir / entry.folder / "raw", dir}};
  const std::string prefix = split == Split::train ? "train" : "t10k";
  const FilePair files{search.find(prefix + "-images", "idx3-ubyte"), search.find(prefix + "-labels", "idx1-ubyte")};
  // Headers first, so that a wrong file needs no memory.
  check_sizes(read_idx_image_sizes(files.images), read_idx_label_sizes(files.labels), files,
              "the file is of another data set, or damaged");
  const auto images = read_idx_images(files.images);
  const auto labels = read_idx_labels(files.labels);
  check_labels(labels, files.labels, entry.class_names.size());
  return {name, images.unsqueeze(1), labels.to(torch::kInt64), entry.class_names};
}

Dataset to_device(Dataset dataset, const torch::Device& device) {
  dataset.images = dataset.images.to(device);
  dataset.labels = dataset.labels.to(device);
  return dataset;
}

}  // namespace mnist
