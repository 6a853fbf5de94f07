// The program that is tested, run with the environment of a user who has set nothing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/subprocess.hpp"

namespace mnist::test {

// `mnist arguments...`; for further wishes fill in the result and `run` it. MNIST_BINARY is the program's path.
inline Subprocess program(const std::string& binary, const std::vector<std::string>& arguments,
                          const std::map<std::string, std::string>& changes = {}) {
  Subprocess subprocess;
  subprocess.command = {binary};
  subprocess.command.insert(subprocess.command.end(), arguments.begin(), arguments.end());
  subprocess.changes = changes;
  // What the tests' own caller has set must not decide what they see.
  for (const char* name : {"MNIST_DATA_DIR", "MNIST_DEVICE", "NO_COLOR"}) subprocess.changes.try_emplace(name, "");
  // On a machine with a GPU `auto` would take it, and the tests' numbers are the CPU's.
  subprocess.changes.try_emplace("CUDA_VISIBLE_DEVICES", "-1");
  return subprocess;
}

}  // namespace mnist::test
