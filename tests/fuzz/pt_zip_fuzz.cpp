// Model files in the zip layout of torch.save.
// Seeds: tests/fixtures/models/*.pt
// Seeds: tests/fixtures/models/*.pth
// Seeds: tests/fixtures/models/*.ckpt
#include "mnist/format/model_file.hpp"

#include "fuzz.hpp"
#include "support/checksums.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mnist::test::MemoryFile file(data, size);
  mnist::test::refused_or_read([&] { mnist::read_model_file(file.path()); });
  mnist::test::refused_or_read([&] { mnist::read_tensor_file(file.path()); });
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int seed) {
  const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) mnist::test::repair_zip(data, mutated);
  return mutated;
}
