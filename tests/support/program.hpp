// Runs the tested program with a default environment.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/subprocess.hpp"

namespace mnist::test {

using Arguments = std::vector<std::string>;

// `mnist arguments...`; to change more, set members of the result and call `run`. MNIST_BINARY is the program's path.
inline Subprocess program(const std::string& binary, const Arguments& arguments,
                          const std::map<std::string, std::string>& changes = {}) {
  Subprocess subprocess;
  subprocess.command = {binary};
  subprocess.command.insert(subprocess.command.end(), arguments.begin(), arguments.end());
  subprocess.changes = changes;
  // Variables of the caller must not affect the tests.
  for (const char* name : {"MNIST_DATA_DIR", "MNIST_DEVICE", "NO_COLOR", "COLUMNS"})
    subprocess.changes.try_emplace(name, "");
  // On a machine with a GPU `auto` would use it, but the tests expect the CPU's numbers.
  subprocess.changes.try_emplace("CUDA_VISIBLE_DEVICES", "-1");
  return subprocess;
}

}  // namespace mnist::test
