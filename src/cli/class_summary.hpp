// The output of `infer --show`: the number of answers per class, and the least certain ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "infer_output.hpp"

namespace mnist::cli {

class ClassSummary {
 public:
  // `examples`: number of listed images per class. `items`: what is counted, "images" or "digits".
  ClassSummary(std::size_t examples, std::string items) : examples_(examples), items_(std::move(items)) {}

  void add(const Prediction& prediction);

  // A table of the classes with answers, in the order of the network's outputs, and "none" for images without an
  // answer; then the least certain ones of each class, one per line: probability, path. Fits 80 columns except for long
  // paths.
  std::string text() const;

 private:
  struct Example {
    double probability;
    std::string path;
    std::string reason;  // why there is no answer
  };
  struct Row {
    std::string name;
    std::int64_t count = 0;
    double probability = 0;  // sum of probabilities
    std::vector<Example> examples;
  };

  void add(Row& row, Example example) const;
  std::string examples_of(const Row& row) const;

  std::size_t examples_;
  std::string items_;
  std::map<std::int64_t, Row> rows_;  // by the class's index
  Row none_{"none", 0, 0, {}};
};

}  // namespace mnist::cli
