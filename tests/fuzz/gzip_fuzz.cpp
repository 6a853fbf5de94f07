// IDX files in gzip: whole, and as two streams that follow each other.
// Seed: 1f8b08000000000002036360e06066606060826266462666165636760e4e2e6e1e0048110c841c000000
// Seed: 1f8b08000000000002036360e06064606060666762040015f83e4e0b000000
// Seed: 1f8b08000000000002036360e060646000007be3b475060000001f8b080000000000020363606667620400621ce99405000000
#include "mnist/format/idx.hpp"

#include "fuzz.hpp"
#include "support/checksums.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mnist::test::MemoryFile file(data, size);
  mnist::test::refused_or_read([&] { mnist::read_idx_images(file.path()); });
  mnist::test::refused_or_read([&] { mnist::read_idx_labels(file.path()); });
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int seed) {
  const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) mnist::test::repair_gzip(data, mutated);
  return mutated;
}
