// Seed: 00000803 00000002 00000002 00000003 0102030405060708090a0b0c
// Seed: 00000801 00000003 070201
// Seed: 00000803 00000000 0000001c 0000001c
#include "mnist/format/idx.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mnist::test::MemoryFile file(data, size);
  mnist::test::refused_or_read([&] { mnist::read_idx_images(file.path()); });
  mnist::test::refused_or_read([&] { mnist::read_idx_labels(file.path()); });
  return 0;
}
