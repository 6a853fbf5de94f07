// Which image files the paths on the command line, and in lists, stand for.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "mnist/core/error.hpp"

namespace mnist::cli {

struct ImageFile {
  std::filesystem::path path;
  std::size_t folders = 0;  // of those above it, how many are below the folder that was named
};

struct FoundImages {
  std::vector<ImageFile> images;  // of a folder sorted by path
  std::vector<std::filesystem::path>
      ignored;                    // in folders: files that by their names are no PNG or JPEG, links; sorted
  std::vector<Error> unreadable;  // a folder each that cannot be read, or holds no images at all
};

// A file stands for itself, whatever its name, and whether it is there or not (reading it says so better), and "-" for
// stdin. A folder stands for the images in it and in the folders below; hidden files, pipes, links to folders, and the
// folders `outputs`, which are written to, are left out.
FoundImages find_images(const std::filesystem::path& path, const std::vector<std::filesystem::path>& outputs);

// The paths that `file` lists, in its order: one a line, or as soon as there is a zero byte in it, one up to each of
// them (find -print0). Empty ones are passed over. Throws a data `Error` where nothing is listed, or more than 64 MiB.
std::vector<std::filesystem::path> read_file_list(const std::filesystem::path& file);

}  // namespace mnist::cli
