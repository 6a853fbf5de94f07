// Writes models (--output) without destroying better ones or other files.
#pragma once

#include <filesystem>

#include <spdlog/logger.h>

#include "mnist/core/file_system.hpp"
#include "mnist/format/model_file.hpp"

namespace mnist::cli {

// At the start of a run: creates the folder, and throws if the file cannot be written.
void check_output(const std::filesystem::path& path, spdlog::logger& log);

// Logs that the run will replace an existing file.
void tell_of_old_model(const std::filesystem::path& path, bool overwrite, spdlog::logger& log);

// Gives the file at `path`, which is about to be replaced, a second name: FILE.bak, FILE.bak2, ... Logs a warning with
// `why`. Throws a data `Error` if that cannot be written.
void keep_old_file(const std::filesystem::path& path, const std::string& why, spdlog::logger& log,
                   FileSystem& files = FileSystem::system());

// Whether writing to `path` replaces something: a file that is not empty, and no stream.
bool holds_content(const std::filesystem::path& path);

// Writes the model. Replaces a model of the same network and data that has no more correct answers and no more epochs;
// keeps any other existing file as FILE.bak, FILE.bak2, ..., unless `overwrite`. If `path` cannot be written, the model
// goes to the first place that takes it: `rescue`, then the folder for temporary files; then throws a data `Error` that
// says where it is.
void save_output(const std::filesystem::path& path, const NamedTensors& state, const Recipe& recipe,
                 PickleLayout layout, bool overwrite, const std::filesystem::path& rescue, spdlog::logger& log,
                 FileSystem& files = FileSystem::system());

}  // namespace mnist::cli
