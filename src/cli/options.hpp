// What the options of several commands have in common: values that are checked as text, so that an error names the
// option, the value and what would be right; and the options that mean the same everywhere.
//
// The help prints an option's description, default and environment variable (`help.hpp`); the functions here add the
// values it takes. Each returns its option, so that calls can be chained. Where the default is no fixed value, the
// description ends in what it is: "... (default: by network)".
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

// The option takes a whole number in lowest .. highest.
CLI::Option* integer(CLI::Option* option, std::int64_t lowest, std::int64_t highest);

// The option takes a finite number in lowest .. highest.
CLI::Option* real(CLI::Option* option, double lowest, double highest);

// The option takes one of `values`; another one is answered with the nearest.
CLI::Option* one_of(CLI::Option* option, const std::vector<std::string>& values);

// --data-dir DIR (MNIST_DATA_DIR, else "data"): where the data sets are.
CLI::Option* add_data_dir(CLI::App& app, std::filesystem::path& value);

// --device auto|cpu|cuda|cuda:N|mps (MNIST_DEVICE, else "auto"). The name is checked by `select_device`.
CLI::Option* add_device(CLI::App& app, std::string& value);

// What --device came to, in a line of this weight; why `auto` is no GPU where none is expected, for debugging only.
void tell_device(const DeviceChoice& device, spdlog::level::level_enum level, spdlog::logger& log);

// --threads N, for `set_threads` by way of `wanted_threads`.
CLI::Option* add_threads(CLI::App& app, int& value);

// What --threads says, or where it is 0 what OMP_NUM_THREADS says, by which batch systems tell a job its share; else 0.
int wanted_threads(int option);

// --precision fp32|tf32|bf16|auto, for `choose_precision`.
CLI::Option* add_precision(CLI::App& app, std::string& value);

// --kernels auto|libtorch|avx512|avx2|baseline, for `kernels_named`.
CLI::Option* add_kernels(CLI::App& app, std::string& value);

// What networks and optimizers compute with on a CPU; nullptr: LibTorch's operators alone. Throws a usage `Error` where
// this CPU has not the instruction set.
const Kernels* kernels_named(const std::string& name);

// "avx512", ... or "libtorch".
std::string kernels_name(const Kernels* kernels);

// The option, whose value is a path, does not take the empty text.
CLI::Option* not_empty(CLI::Option* option);

// Makes the folder that a file is to be written to, and throws a data `Error` if it cannot be written: before the work
// whose result it is to hold. `output` may be a stream (`core/output.hpp`), or empty, which is none.
void prepare_output(const std::filesystem::path& output);

// Throws a usage `Error` where the file of a picture that `option` names does not end in .png; it may be empty.
void check_is_png(const char* option, const std::filesystem::path& output);

// Throws a usage `Error` where more than one of the inputs, each with the option that names it, is stdin: only the
// first would get something.
void check_one_stdin(const std::vector<std::pair<std::string, std::filesystem::path>>& inputs);

// Throws a usage `Error` where `output` is the file `input`: writing the one would destroy the other.
void check_not_same(const std::filesystem::path& output, const std::filesystem::path& input);

// --format: the form of the results on stdout. The first of `formats` is the default.
CLI::Option* add_format(CLI::App& app, std::string& value, const std::vector<std::string>& formats);

// "passes (1 to 10)" and "default: 3" give "passes (1 to 10; default: 3)".
std::string with_note(const std::string& description, const std::string& note);

// --name sets `value`; --name=false takes back what a file says.
CLI::Option* add_flag(CLI::App& app, const std::string& name, bool& value, const std::string& description);

// What it has been given, or its default; of several that overrule each other the one that counts.
std::vector<std::string> option_values(const CLI::Option& option);

// Whether the environment says so: the option has a variable, which has that value.
bool is_from_environment(const CLI::Option& option, const std::string& value);

// Whether it was given on the command line or in a file: what the environment says is for all runs.
bool is_given(const CLI::Option& option);

// Whether it takes no value.
bool is_flag(const CLI::Option& option);

// Whether `integer` or `real` set it up and it shows its placeholder, "N" or "X".
bool is_integer(const CLI::Option& option);
bool is_real(const CLI::Option& option);

// The name of an option as people write it: "--epochs"; of a positional one "PATH".
std::string display_name(const CLI::Option* option);

}  // namespace mnist::cli
