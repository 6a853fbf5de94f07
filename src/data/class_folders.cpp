#include "mnist/data/class_folders.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/text.hpp"
#include "mnist/format/fetch_command.hpp"
#include "mnist/format/image.hpp"

#include "picture_list.hpp"

namespace mnist {
namespace {

constexpr const char* kLayout =
    "the layout is DIR/train/<class>/*.jpg and DIR/val/<class>/*.jpg, or DIR/<class>/*.jpg with --val-split 0.2; "
    "--data-dir (or MNIST_DATA_DIR) names DIR";

std::vector<std::filesystem::directory_entry> entries(const std::filesystem::path& dir) {
  std::error_code error;
  std::vector<std::filesystem::directory_entry> found;
  for (auto entry = std::filesystem::directory_iterator(dir, error); !error && entry != end(entry);
       entry.increment(error)) {
    found.push_back(*entry);
  }
  if (error) {
    throw data_error(fmt::format("cannot read the folder {}: {}", quoted(dir), error.message()),
                     "check the folder's permissions");
  }
  std::ranges::sort(found, {}, [](const auto& entry) { return entry.path(); });
  return found;
}

// The files below `dir`: first its own files by name, then those of its subfolders.
void collect(const std::filesystem::path& dir, std::int64_t label, PhotoFolder& folder) {
  const auto found = entries(dir);
  for (const auto& entry : found) {
    if (entry.is_directory() || is_hidden(entry.path())) continue;
    if (has_image_extension(entry.path()) && !entry.is_other()) {
      folder.paths.push_back(entry.path());
      folder.labels.push_back(label);
    } else {
      folder.ignored.push_back(entry.path());
    }
  }
  for (const auto& entry : found) {
    if (!entry.is_directory() || is_hidden(entry.path())) continue;
    if (entry.is_symlink()) {
      folder.ignored.push_back(entry.path());  // a link could point to a parent folder
    } else {
      collect(entry.path(), label, folder);
    }
  }
}

void check_is_there(const std::filesystem::path& dir) {
  std::error_code ignored;
  if (std::filesystem::is_directory(dir, ignored)) return;
  throw data_error(fmt::format("there is no folder {} and no list of that name", quoted(dir)),
                   fmt::format("give the folder of the pictures with --data-dir; {} downloads an example",
                               fetch_command("hymenoptera")));
}

std::filesystem::path split_folder(const std::filesystem::path& dir, Split split) {
  std::error_code ignored;
  check_is_there(dir);
  std::filesystem::path folder = dir / (split == Split::train ? "train" : "val");
  if (split == Split::test && !std::filesystem::is_directory(folder, ignored) &&
      std::filesystem::is_directory(dir / "test", ignored)) {
    folder = dir / "test";
  }
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw data_error(fmt::format("there is no folder {}", quoted(folder)), kLayout);
  }
  return folder;
}

// `dir`: has a folder for each class.
PhotoFolder scan_classes(const std::filesystem::path& dir) {
  PhotoFolder folder;
  folder.dir = dir;
  for (const auto& entry : entries(folder.dir)) {
    if (is_hidden(entry.path())) continue;
    if (!entry.is_directory()) {
      if (has_image_extension(entry.path())) folder.strays.push_back(entry.path());
      continue;
    }
    if (!is_utf8(entry.path().filename().string())) {
      throw data_error(fmt::format("the name of the class folder {} is not UTF-8", quoted(entry.path())),
                       "rename it: model files hold the names of the classes as UTF-8");
    }
    const auto label = static_cast<std::int64_t>(folder.class_names.size());
    const std::size_t before = folder.paths.size();
    folder.class_names.push_back(entry.path().filename().string());
    collect(entry.path(), label, folder);
    if (folder.paths.size() == before) {
      throw data_error(fmt::format("the class folder {} holds no PNG or JPEG file", quoted(entry.path())),
                       "add images to it, remove it, or name another folder of pictures with --data-dir");
    }
  }
  if (folder.class_names.empty()) {
    throw data_error(fmt::format("{} holds no folder of a class: at least two classes are needed", quoted(folder.dir)),
                     kLayout);
  }
  if (folder.class_names.size() == 1) {
    throw data_error(fmt::format("{} holds a single class, {}: at least two classes are needed", quoted(folder.dir),
                                 quoted_name(folder.class_names.front())),
                     "add a folder with pictures of a second class, or name another folder with --data-dir");
  }
  return folder;
}

}  // namespace

bool has_split_folders(const std::filesystem::path& dir) {
  return std::ranges::any_of(std::array{"train", "val", "test"}, [&](const char* name) {
    std::error_code ignored;
    return std::filesystem::is_directory(dir / name, ignored);
  });
}

PhotoFolder scan_photo_folder(const std::filesystem::path& dir, Split split) {
  return scan_classes(split_folder(dir, split));
}

PhotoFolder scan_all(const std::filesystem::path& from) {
  std::error_code ignored;
  if (is_stdin(from) || std::filesystem::is_regular_file(from, ignored) || std::filesystem::is_fifo(from, ignored)) {
    return read_picture_list(from);
  }
  check_is_there(from);
  return scan_classes(from);
}

void check_same_classes(const PhotoFolder& train, const PhotoFolder& test) {
  const auto only_in = [](const PhotoFolder& one, const PhotoFolder& other) {
    std::vector<std::string> names;
    std::ranges::set_difference(one.class_names, other.class_names, std::back_inserter(names));
    return names.empty() ? "" : fmt::format("; only in {}: {}", quoted(one.dir), fmt::join(names, ", "));
  };
  const std::string difference = only_in(train, test) + only_in(test, train);
  if (difference.empty()) return;
  throw data_error("training and validation have different classes" + difference, "both need a folder for each class");
}

void check_classes_are_left(const std::vector<std::int64_t>& before, const PhotoFolder& folder,
                            const std::vector<BrokenPhoto>& broken) {
  const std::set<std::int64_t> had_pictures(before.begin(), before.end());
  const std::set<std::int64_t> present(folder.labels.begin(), folder.labels.end());
  for (std::size_t label = 0; label < folder.class_names.size(); ++label) {
    const auto index = static_cast<std::int64_t>(label);
    if (present.contains(index) || !had_pictures.contains(index)) continue;
    const std::string start = (folder.dir / folder.class_names[label] / "").string();
    const auto first =
        std::ranges::find_if(broken, [&](const BrokenPhoto& photo) { return photo.path.string().starts_with(start); });
    throw data_error(fmt::format("no image of the class {} in {} can be read{}",
                                 quoted(std::filesystem::path(folder.class_names[label])), quoted(folder.dir),
                                 first == broken.end() ? "" : "; the first: " + first->reason),
                     "repair the images, or remove that class from both splits");
  }
}

}  // namespace mnist
