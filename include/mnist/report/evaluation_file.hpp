// evaluation.json in a run directory: the evaluation at the end of a run, with what was predicted for each item. The
// page of the run is made of it again without running the network. See docs/formats.md.
//
// Not for: rows of training (metrics_files.hpp).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mnist/report/page.hpp"

namespace mnist {

struct StoredEvaluation {
  std::string model_sha256;             // of the model file that was evaluated
  std::string data_sha256;              // of the items of the data set (`OpenedData::fingerprint`)
  std::vector<std::int64_t> items;      // their indices in the data set, in the order of the report
  std::vector<std::string> files = {};  // their files, for people; empty for data sets without; is not read
  PageEvaluation page;                  // without `mistakes`, which need the pictures
};

// Replaces the file as a whole. Throws a data `Error`.
void write_evaluation(const std::filesystem::path& path, const StoredEvaluation& stored);

// Nothing if there is no such file, or if it cannot be read, is of another version or too large (16 MiB, or a million
// values, which are about 160,000 items): then the network must be run.
std::optional<StoredEvaluation> read_evaluation(const std::filesystem::path& path);

}  // namespace mnist
