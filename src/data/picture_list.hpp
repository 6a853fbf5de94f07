// Reads a CSV file that lists pictures and their labels.
#pragma once

#include <filesystem>

#include "mnist/data/class_folders.hpp"

namespace mnist {

// `scan_all` for a CSV file; throws like it.
PhotoFolder read_picture_list(const std::filesystem::path& file);

}  // namespace mnist
