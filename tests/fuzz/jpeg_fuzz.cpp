// Seeds: tests/fixtures/images/*.jpg
#include "mnist/format/image.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mnist::test::MemoryFile file(data, size);
  mnist::test::refused_or_read([&] { mnist::read_image(file.path()); });
  return 0;
}
