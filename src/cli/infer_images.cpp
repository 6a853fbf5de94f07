#include "infer_images.hpp"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/format/image.hpp"

namespace mnist::cli {

std::vector<std::filesystem::path> find_images(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return {path};

  std::vector<std::filesystem::path> images;
  std::filesystem::recursive_directory_iterator entry(path, std::filesystem::directory_options::skip_permission_denied,
                                                      error);
  for (; !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    if (is_hidden(entry->path())) {
      entry.disable_recursion_pending();
    } else if (std::error_code ignored; has_image_extension(entry->path()) && !entry->is_directory(ignored)) {
      images.push_back(entry->path());
    }
  }
  if (error) {
    throw data_error(fmt::format("cannot read folder {}: {}", quoted(path), error.message()),
                     "check the folder's permissions");
  }
  if (images.empty()) {
    throw data_error(fmt::format("folder {} holds no images", quoted(path)),
                     "images are found by their names' endings: .png, .jpg, .jpeg");
  }
  std::sort(images.begin(), images.end());
  return images;
}

}  // namespace mnist::cli
