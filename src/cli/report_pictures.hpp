// The parts of a page as pictures for slides and papers (`mnist report --pictures`), and letters that pictures lack.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "mnist/report/page.hpp"

namespace mnist::cli {

// Warns if no installed font has letters of the names.
void warn_of_letters(const std::vector<std::string>& names, spdlog::logger& log);

// Writes curves (of `run`), confusion, classes and mistakes (of `evaluation`), each as .png and .svg. Those whose
// source is nullptr or empty are removed, if an earlier call wrote them. Makes the folder. Throws a data `Error`.
void write_pictures(const std::filesystem::path& folder, const RunRecord* run, const PageEvaluation* evaluation,
                    spdlog::logger& log);

}  // namespace mnist::cli
