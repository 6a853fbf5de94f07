// Seeds: tests/fixtures/models/*.safetensors
// Seed: 0800000000000000 7b7d202020202020
#include "mnist/format/model_file.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mnist::test::MemoryFile file(data, size);
  mnist::test::refused_or_read([&] { mnist::read_model_file(file.path()); });
  return 0;
}
