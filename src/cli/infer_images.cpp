#include "infer_images.hpp"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/format/image.hpp"

namespace mnist::cli {

namespace {

// Folders that are links are left out: they can lead round in a circle.
void search(const std::filesystem::path& folder, FoundImages& found) {
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (is_hidden(entry->path())) continue;
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      if (entry->is_symlink(ignored)) {
        found.ignored.push_back(entry->path());
      } else {
        search(entry->path(), found);
      }
    } else if (has_image_extension(entry->path())) {
      found.images.push_back(entry->path());
    } else {
      found.ignored.push_back(entry->path());
    }
  }
  if (error) {
    found.unreadable.push_back(data_error(fmt::format("cannot read the folder {}: {}", quoted(folder), error.message()),
                                          "check the folder's permissions"));
  }
}

}  // namespace

FoundImages find_images(const std::filesystem::path& path) {
  std::error_code error;
  FoundImages found;
  if (!std::filesystem::is_directory(path, error)) {
    found.images.push_back(path);
    return found;
  }
  search(path, found);
  if (found.images.empty() && found.unreadable.empty()) {
    found.unreadable.push_back(data_error(fmt::format("folder {} holds no images", quoted(path)),
                                          "images are found by their names' endings: .png, .jpg, .jpeg"));
  }
  std::sort(found.images.begin(), found.images.end());
  std::sort(found.ignored.begin(), found.ignored.end());
  return found;
}

}  // namespace mnist::cli
