// A small generated data set in MNIST's format. It is easy to learn: every class has a bright square at its own
// position, on little noise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace mnist::test {

// The bytes of the four files; item i has label i % 10.
std::string small_images(std::int64_t count, unsigned seed);
std::string small_labels(std::int64_t count);

std::string gzip(const std::string& bytes);

// Writes dir/MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte(.gz).
void write_small_mnist(const std::filesystem::path& dir, std::int64_t train, std::int64_t test, bool compressed = true);

}  // namespace mnist::test
