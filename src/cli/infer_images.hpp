// Which image files the paths on the command line stand for.
#pragma once

#include <filesystem>
#include <vector>

#include "mnist/core/error.hpp"

namespace mnist::cli {

struct FoundImages {
  std::vector<std::filesystem::path> images;  // sorted
  std::vector<std::filesystem::path>
      ignored;                    // in folders: files that by their names are no PNG or JPEG, links; sorted
  std::vector<Error> unreadable;  // a folder each that cannot be read, or holds no images at all
};

// A file stands for itself, whatever its name, and whether it is there or not (reading it says so better). A folder
// stands for the images in it and in the folders below; hidden files and links to folders are left out.
FoundImages find_images(const std::filesystem::path& path);

}  // namespace mnist::cli
