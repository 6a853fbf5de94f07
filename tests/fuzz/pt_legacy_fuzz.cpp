// Model files in the layout of torch.save before PyTorch 1.6: five pickles and the tensors, without a checksum.
// Seeds: tests/fixtures/models/*legacy.pt
// Seeds: tests/fixtures/models/*legacy.ckpt
#include <algorithm>
#include <string_view>

#include "mnist/format/model_file.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mnist::test::MemoryFile file(data, size);
  mnist::test::refused_or_read([&] { mnist::read_model_file(file.path()); });
  mnist::test::refused_or_read([&] { mnist::read_tensor_file(file.path()); });
  return 0;
}

// Keeps the first pickle, the magic number, because other files have another format.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int seed) {
  constexpr std::string_view kMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) std::copy_n(kMagic.begin(), std::min(kMagic.size(), mutated), data);
  return mutated;
}
