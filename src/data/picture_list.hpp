// Pictures and their labels as a CSV file lists them.
#pragma once

#include <filesystem>

#include "mnist/data/class_folders.hpp"

namespace mnist {

// `scan_all` of a file: throws as that does.
PhotoFolder read_picture_list(const std::filesystem::path& file);

}  // namespace mnist
