// The options of `mnist infer`, and what they cannot be together.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/logger.h>

#include "mnist/predict/load_model.hpp"

namespace mnist::cli {

struct InferOptions {
  std::filesystem::path model = kDefaultModel;
  std::vector<std::filesystem::path> images;
  std::vector<std::filesystem::path> paths;
  std::filesystem::path files_from;
  std::filesystem::path classes;
  std::optional<std::int64_t> test_item;
  std::filesystem::path save_image;
  std::filesystem::path data_dir;
  std::optional<std::string> dataset;
  std::string invert = "auto";
  std::int64_t top_k = 1;
  double min_probability = 0;
  bool multi = false;
  std::string format = "text";
  std::filesystem::path output;
  std::filesystem::path annotate;
  std::filesystem::path show_input;
  std::optional<std::int64_t> show;
  std::optional<std::int64_t> batch_size;
  std::string device = "auto";
  int threads = 0;
  const CLI::App* given = nullptr;  // the parsed command line
};

// Adds them to the command. They are complete after parsing.
std::shared_ptr<const InferOptions> add_infer_options(CLI::App& app);

// Whether the user gave the option.
bool has_option(const InferOptions& options, const char* option);

// Whether the results go to stdout.
bool prints_results(const InferOptions& options);

// Throws a usage `Error` if options contradict each other, or none gives an image, and a data `Error` if --save-image
// cannot be written; creates its folder.
void check_options(const InferOptions& options, spdlog::logger& log);

}  // namespace mnist::cli
