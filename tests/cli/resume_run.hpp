// A training run as a process that is stopped, killed and started again.
#pragma once

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {

class ResumeRun : public ::testing::Test {
 protected:
  ResumeRun() { write_small_mnist(folder_ / "data", 200, 50); }

  // 100 steps of two items an epoch, and a line for each. The pipe to the test holds 90 of them and the test as many: a
  // signal sent at a line finds the process up to 200 steps behind it, so that is how much must be left to do.
  Subprocess command(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"train", "--arch",         "lenet", "--device", "cpu", "--epochs",
                                          "3",     "--log-interval", "1",     "--seed",   "7",   "--batch-size",
                                          "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    return process;
  }

  using Place = std::pair<int, int>;  // epoch, item

  // Whether the last line of a step in `out` is that one, or behind it.
  static bool reached(const std::string& out, const Place& place) {
    const std::size_t line = out.rfind("Train Epoch: ", out.rfind('/'));
    Place printed{};
    return line != std::string::npos &&
           std::sscanf(out.c_str() + line, "Train Epoch: %d [%d/", &printed.first, &printed.second) == 2 &&
           printed >= place;
  }

  // Sends `signal` as soon as the run is there.
  SubprocessResult stopped(int signal, const Place& place, const std::vector<std::string>& more) {
    Subprocess process = command(more);
    process.signal_when = [place](const std::string& out) { return reached(out, place); };
    process.signal = signal;
    return run(process);
  }

  void expect_same_files(const std::string& one, const std::string& other) {
    for (const char* file : {"metrics.jsonl", "metrics.csv", "last.pt", "best.pt", "training_statistics.png"}) {
      EXPECT_TRUE(content_of(folder_ / one / file) == content_of(folder_ / other / file)) << file;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
    }
  }

  void expect_same_run(const std::string& one, const std::string& other) {
    expect_same_files(one, other);
    EXPECT_EQ(lines_of(one), lines_of(other));
  }

  // log.txt without times, and without the lines that name the run.
  std::vector<std::string> lines_of(const std::string& run) {
    std::vector<std::string> lines;
    std::istringstream text(content_of(folder_ / run / "log.txt"));
    for (std::string line; std::getline(text, line);) {
      line = line.substr(std::min<std::size_t>(30, line.size()));
      if (line.find(run) == std::string::npos && line.find(".pt") == std::string::npos) lines.push_back(line);
    }
    return lines;
  }

  nlohmann::json manifest(const std::string& run) {
    return nlohmann::json::parse(content_of(folder_ / run / "manifest.json"));
  }

  TemporaryFolder folder_;
};

}  // namespace mnist::test
