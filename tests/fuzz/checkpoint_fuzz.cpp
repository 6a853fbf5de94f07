// Checkpoints: the file with its tensors, and the state of a run. Seeds: tests/fixtures/checkpoints/*.pt
#include <algorithm>
#include <string>
#include <vector>

#include "mnist/format/checkpoint_file.hpp"
#include "mnist/train/checkpoint.hpp"

#include "fuzz.hpp"
#include "support/checksums.hpp"
#include "support/zip_file.hpp"

namespace {

using mnist::test::ZipContent;

// Mutates one content of the archive and rebuilds the archive; returns 0 if there is no content or it becomes too
// large.
std::size_t mutate_content(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int choice) {
  constexpr std::size_t kRoom = 1024;  // that a content may grow by
  std::vector<ZipContent> contents = mnist::test::zip_contents(data, size);
  // Pickle and JSON, in front; tensors can be anything.
  const auto tensors = std::partition(contents.begin(), contents.end(), [](const ZipContent& content) {
    return content.name.ends_with(".pkl") || content.name.ends_with(".json");
  });
  const auto texts = static_cast<std::size_t>(tensors - contents.begin());
  if (contents.empty()) return 0;
  const std::size_t count = choice % 4 != 0 && texts > 0 ? texts : contents.size();
  std::string& bytes = contents[choice / 4 % count].bytes;
  const std::size_t before = bytes.size();
  bytes.resize(before + kRoom);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), before, bytes.size()));
  const std::string file = mnist::test::checkpoint_zip(contents);
  if (file.size() > max_size) return 0;
  std::ranges::copy(file, data);
  return file.size();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mnist::test::MemoryFile file(data, size);
  mnist::test::refused_or_read([&] { mnist::read_checkpoint_file(file.path()); });
  mnist::test::refused_or_read([&] { mnist::read_checkpoint(file.path()); });
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int seed) {
  if (seed % 2 == 0) {
    if (const std::size_t mutated = mutate_content(data, size, max_size, seed / 2); mutated > 0) return mutated;
  }
  const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 16 != 1) mnist::test::repair_checkpoint(data, mutated);
  return mutated;
}
