// What the tests of the options of a run have in common: runs on a few digits, their metrics and their models.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/format/model_file.hpp"

#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {

// A column of a run's metrics.csv, of the rows of one kind: "train", one a logged batch, or "test", one an epoch.
inline std::vector<double> column(const std::filesystem::path& run, const std::string& kind, const std::string& name) {
  const auto fields_of = [](const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream in(line);
    for (std::string field; std::getline(in, field, ',');) fields.push_back(field);
    return fields;
  };
  std::istringstream csv(content_of(run / "metrics.csv"));
  std::string line;
  std::getline(csv, line);
  const std::vector<std::string> names = fields_of(line);
  const auto index = static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
  std::vector<double> values;
  while (std::getline(csv, line)) {
    const std::vector<std::string> fields = fields_of(line);
    if (fields.at(0) == kind) values.push_back(std::strtod(fields.at(index).c_str(), nullptr));
  }
  return values;
}

// Runs on 40 training and 10 test digits, each in a run directory of its own.
class OptionEffect : public ::testing::Test {
 protected:
  OptionEffect() { write_small_mnist(folder_ / "data", 40, 10); }

  // `mnist train` on the CPU with a line of metrics a batch; writes NAME.pt and the run directory NAME.
  SubprocessResult train(const std::string& name, Arguments more) {
    Arguments arguments = {"train",     "--device", "cpu",      "--log-interval", "1",
                           "--run-dir", name,       "--output", name + ".pt"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    SubprocessResult result = mnist(arguments);
    EXPECT_EQ(result.exit_code, 0) << name << ": " << result.err;
    return result;
  }

  SubprocessResult mnist(const Arguments& arguments) {
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    return run(process);
  }

  // All weights of NAME.pt in one tensor, in float64.
  at::Tensor weights(const std::string& name) {
    std::vector<at::Tensor> flat;
    for (const auto& [key, tensor] : read_model_file(folder_ / (name + ".pt")).state) {
      flat.push_back(tensor.to(at::kDouble).flatten());
    }
    return at::cat(flat);
  }

  std::string config(const std::string& name) { return content_of(folder_ / name / "config.toml"); }

  TemporaryFolder folder_;
};

inline double relative(const at::Tensor& got, const at::Tensor& expected) {
  return ((got - expected).norm() / expected.norm()).item<double>();
}

}  // namespace mnist::test
