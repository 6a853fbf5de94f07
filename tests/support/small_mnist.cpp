#include "support/small_mnist.hpp"

#include <random>

#include <gtest/gtest.h>
#include <zlib.h>

#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

}  // namespace

std::string small_images(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes =
      big_endian(0x00000803) + big_endian(static_cast<std::uint32_t>(count)) + big_endian(28) + big_endian(28);
  for (std::int64_t item = 0; item < count; ++item) {
    const auto label = item % 10;
    const auto top = 2 + 12 * (label / 5);
    const auto left = 2 + 5 * (label % 5);
    for (int row = 0; row < 28; ++row) {
      for (int column = 0; column < 28; ++column) {
        const bool bright = row >= top && row < top + 10 && column >= left && column < left + 4;
        bytes += static_cast<char>((bright ? 200 : 0) + random() % 40);
      }
    }
  }
  return bytes;
}

std::string small_labels(std::int64_t count) {
  std::string bytes = big_endian(0x00000801) + big_endian(static_cast<std::uint32_t>(count));
  for (std::int64_t item = 0; item < count; ++item) bytes += static_cast<char>(item % 10);
  return bytes;
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void write_small_mnist(const std::filesystem::path& dir, std::int64_t train, std::int64_t test, bool compressed) {
  const auto write = [&](const std::string& name, const std::string& bytes) {
    write_file(dir / "MNIST" / "raw" / (compressed ? name + ".gz" : name), compressed ? gzip(bytes) : bytes);
  };
  write("train-images-idx3-ubyte", small_images(train, 1));
  write("train-labels-idx1-ubyte", small_labels(train));
  write("t10k-images-idx3-ubyte", small_images(test, 2));
  write("t10k-labels-idx1-ubyte", small_labels(test));
}

}  // namespace mnist::test
