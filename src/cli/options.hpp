// Common code for options: values are checked as text, so that an error contains the option, the value and the valid
// values; and options that several commands share.
//
// The help prints an option's description, default and environment variable (`help.hpp`); the functions here add the
// values it takes. Each returns its option, so that calls can be chained. If the default is not a fixed value, the
// description ends with it: "... (default: by network)".
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/logger.h>

#include "mnist/device/device.hpp"
#include "mnist/kernels/kernels.hpp"

namespace mnist::cli {

// The option accepts an integer in lowest .. highest.
CLI::Option* integer(CLI::Option* option, std::int64_t lowest, std::int64_t highest);

// The option accepts a finite number in lowest .. highest.
CLI::Option* real(CLI::Option* option, double lowest, double highest);

// The option accepts one of `values`; the error for others suggests the nearest.
CLI::Option* one_of(CLI::Option* option, const std::vector<std::string>& values);

// --data-dir DIR (MNIST_DATA_DIR, else "data"): folder with the data sets.
CLI::Option* add_data_dir(CLI::App& app, std::filesystem::path& value);

// --device auto|cpu|cuda|cuda:N|mps (MNIST_DEVICE, else "auto"). The name is checked by `select_device`.
CLI::Option* add_device(CLI::App& app, std::string& value);

// Logs the selected device at this level, and at debug level why `auto` selected no GPU.
void tell_device(const DeviceChoice& device, spdlog::level::level_enum level, spdlog::logger& log);

// --threads N, for `set_threads` by way of `wanted_threads`.
CLI::Option* add_threads(CLI::App& app, int& value);

// Warns if --threads, with this value, is more than the cores that this process may use.
void warn_of_threads(int threads, spdlog::logger& log);

// Warns if --top-k is given and is more than the classes of the model.
void warn_of_top_k(const CLI::Option& option, std::int64_t top_k, std::int64_t classes, spdlog::logger& log);

// The value of --threads; if 0, that of OMP_NUM_THREADS, which batch systems set for a job; else 0.
int wanted_threads(int option);

// --precision fp32|tf32|bf16|auto, for `choose_precision`.
CLI::Option* add_precision(CLI::App& app, std::string& value);

// --kernels auto|libtorch|avx512|avx2|baseline, for `kernels_named`.
CLI::Option* add_kernels(CLI::App& app, std::string& value);

// The CPU kernels of networks and optimizers; nullptr: LibTorch's operators only. Throws a usage `Error` if this CPU
// does not have the instruction set.
const Kernels* kernels_named(const std::string& name);

// "avx512", ... or "libtorch".
std::string kernels_name(const Kernels* kernels);

// The option, whose value is a path, rejects the empty string.
CLI::Option* not_empty(CLI::Option* option);

// Creates the folder of an output file and logs this, and throws a data `Error` if the file cannot be written. Call it
// before the work. `output` may be a stream (`core/output.hpp`), or empty: none.
void prepare_output(const std::filesystem::path& output, spdlog::logger& log);

// Throws a usage `Error` if the picture file of `option` does not end in .png; it may be empty.
void check_is_png(const char* option, const std::filesystem::path& output);

// The same for pictures that can also be SVG.
void check_is_picture(const char* option, const std::filesystem::path& output);

// Throws a usage `Error` if the folder of `option` is a stream, such as "-"; it may be empty.
void check_is_folder(const char* option, const std::filesystem::path& folder);

// Throws a usage `Error` if more than one of the inputs (option, path) is stdin: only the first would get data.
void check_one_stdin(const std::vector<std::pair<std::string, std::filesystem::path>>& inputs);

// Throws a usage `Error` if `output` is the file `input`: writing would destroy the input.
void check_not_same(const std::filesystem::path& output, const std::filesystem::path& input);

// --format: the form of the results on stdout. The first of `formats` is the default.
CLI::Option* add_format(CLI::App& app, std::string& value, const std::vector<std::string>& formats);

// "passes (1 to 10)" and "default: 3" give "passes (1 to 10; default: 3)".
std::string with_note(const std::string& description, const std::string& note);

// --name sets `value`; --name=false overrides a config file.
CLI::Option* add_flag(CLI::App& app, const std::string& name, bool& value, const std::string& description);

// The given values, or the default; if values override each other, the effective one.
std::vector<std::string> option_values(const CLI::Option& option);

// Whether the value comes from the environment variable of the option.
bool is_from_environment(const CLI::Option& option, const std::string& value);

// Whether it was given on the command line or in a config file; the environment does not count, as it is for all runs.
bool is_given(const CLI::Option& option);

// Whether it has no value.
bool is_flag(const CLI::Option& option);

// Whether `integer` or `real` set it up and it shows its placeholder, "N" or "X".
bool is_integer(const CLI::Option& option);
bool is_real(const CLI::Option& option);

// The name of an option as on the command line: "--epochs"; of a positional one "PATH".
std::string display_name(const CLI::Option* option);

}  // namespace mnist::cli
