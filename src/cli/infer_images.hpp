// Which image files the paths on the command line stand for.
#pragma once

#include <filesystem>
#include <vector>

namespace mnist::cli {

// A file stands for itself, whatever its name, and whether it is there or not (reading it says so better). A folder
// stands for the images in it and in the folders below, sorted; hidden files and links to folders are left out.
// Throws a data `Error` for a folder without images, or one that cannot be read.
std::vector<std::filesystem::path> find_images(const std::filesystem::path& path);

}  // namespace mnist::cli
