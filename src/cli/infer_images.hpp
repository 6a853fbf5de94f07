// Finds the image files for the paths on the command line and in lists.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "mnist/core/error.hpp"

namespace mnist::cli {

struct ImageFile {
  std::filesystem::path path;
  std::size_t folders = 0;  // number of parent folders below the given folder
};

struct FoundImages {
  std::vector<ImageFile> images;               // of a folder: sorted by path
  std::vector<std::filesystem::path> ignored;  // in folders: links, and files not named as PNG or JPEG; sorted
  std::vector<Error> unreadable;               // one per folder that cannot be read or contains no images
};

// A file stands for itself, whatever its name and even if it is missing (reading it gives the error), and "-" for
// stdin. A folder stands for the images in it and in its subfolders; hidden files, pipes, links to folders, and the
// output folders `outputs` are skipped.
FoundImages find_images(const std::filesystem::path& path, const std::vector<std::filesystem::path>& outputs);

// The paths in the list `file`, in order: one per line, or separated by zero bytes if there is one (find -print0).
// Empty ones are skipped. Throws a data `Error` if the list is empty, larger than 64 MiB, or begins as a picture does.
std::vector<std::filesystem::path> read_file_list(const std::filesystem::path& file);

}  // namespace mnist::cli
