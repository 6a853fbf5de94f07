#include "mnist/data/dataset.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/suggest.hpp"
#include "mnist/format/idx.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kSide = 28;  // pixels; the same for the whole MNIST family

// A new data set of the MNIST form is one more row here.
struct Entry {
  std::string name;
  std::string folder;  // torchvision's name for it
  std::vector<std::string> class_names;
};

const std::vector<Entry>& table() {
  static const std::vector<Entry> entries{
      {"mnist", "MNIST", {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}},
      {"fashion-mnist",
       "FashionMNIST",
       {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}},
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
    const auto hint =
        fmt::format("get it with scripts/fetch_data {}, or name the folder that has it with --data-dir", entry.name);
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
  if (const auto largest = labels.max().item<std::int64_t>();
      largest >= static_cast<std::int64_t>(class_names.size())) {
    throw data_error(fmt::format("{} holds the label {} where 0 to {} are wanted", quoted(labels_path), largest,
                                 class_names.size() - 1),
                     "the file is damaged or of another data set");
  }
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
