// Damages file contents: bit flips, truncation, splices, and numbers with extreme values, as caused by a bad disk, a
// bad program or an attacker. The same seed and index give the same damage on every platform, so the index is enough to
// reproduce a failure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace mnist::test {

// The number of mutations of a test with `inputs` inputs: MNIST_MUTATIONS, else 500, but at least 50 per input. A
// mutation has two or three of nine kinds of changes, so each kind is applied to each input about a dozen times. For
// millions of mutations use the fuzzers (scripts/fuzz).
inline std::uint64_t mutation_count(std::size_t inputs) {
  constexpr std::uint64_t kUsual = 500;
  constexpr std::uint64_t kOfEach = 50;
  const char* const wanted = std::getenv("MNIST_MUTATIONS");
  return wanted == nullptr ? std::max(kUsual, kOfEach * inputs) : std::strtoull(wanted, nullptr, 10);
}

// SplitMix64 (G. Steele, D. Lea, C. Flood, 2014). The standard's distributions differ from library to library.
class MutationRandom {
 public:
  MutationRandom(std::uint64_t seed, std::uint64_t index) : state_(seed * 0xD1342543DE82EF95 + index) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }

  // Returns 0..bound-1; 0 if bound is 0.
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : static_cast<std::size_t>(next() % bound); }

 private:
  std::uint64_t state_;
};

// A random position in `size` bytes. Half of the positions are near the start or the end, where headers and directories
// are.
inline std::size_t mutation_place(MutationRandom& random, std::size_t size) {
  constexpr std::size_t kNear = 64;
  const std::size_t nearby = std::min(size, kNear);
  switch (random.below(4)) {
    case 0:
      return random.below(nearby);
    case 1:
      return size - nearby + random.below(nearby);
    default:
      return random.below(size);
  }
}

// Sets a number of 1, 2, 4 or 8 bytes, in either byte order, to an extreme value.
inline void set_extreme(MutationRandom& random, std::string& bytes) {
  constexpr std::array<std::uint64_t, 12> kExtremes{0,      1,          0x7F,       0xFF,       0x7FFF,     0xFFFF,
                                                    0x8000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, ~0ULL >> 1, ~0ULL};
  const std::size_t size = std::min(std::size_t{1} << random.below(4), bytes.size());
  const std::size_t place = std::min(mutation_place(random, bytes.size()), bytes.size() - size);
  const std::uint64_t value = kExtremes[random.below(kExtremes.size())];
  const bool big_endian = random.below(2) == 0;
  for (std::size_t i = 0; i < size; ++i) {
    bytes[place + (big_endian ? size - 1 - i : i)] = static_cast<char>(value >> 8 * i);
  }
}

// Applies one change. `bytes` must not be empty.
inline void mutate_once(MutationRandom& random, std::string& bytes) {
  constexpr std::size_t kLongest = 256;  // bytes moved, removed or added at once
  const std::size_t place = mutation_place(random, bytes.size());
  const std::size_t length = 1 + random.below(std::min(bytes.size() - place, kLongest));
  char& byte = bytes[place];
  switch (random.below(9)) {
    case 0:
      byte = static_cast<char>(byte ^ (1 << random.below(8)));
      break;
    case 1:
      byte = static_cast<char>(random.next());
      break;
    case 2:
      byte = static_cast<char>(byte + (random.below(2) == 0 ? 1 : -1));
      break;
    case 3:
      bytes.resize(place);
      break;
    case 4:
      bytes.erase(place, length);
      break;
    case 5:  // inserts a copy of a part
      bytes.insert(mutation_place(random, bytes.size()), bytes.substr(place, length));
      break;
    case 6: {  // overwrites another part
      const std::string part = bytes.substr(place, length);
      const std::size_t target = std::min(mutation_place(random, bytes.size()), bytes.size() - part.size());
      bytes.replace(target, part.size(), part);
      break;
    }
    case 7:
      for (std::size_t i = 0; i < length; ++i) bytes[place + i] = static_cast<char>(random.next());
      break;
    default:
      set_extreme(random, bytes);
  }
}

// Returns `input` with one to four changes, because two changes can hide each other. A pure function of its arguments.
// An empty input does not change.
inline std::string mutated(std::uint64_t seed, std::uint64_t index, std::string_view input) {
  MutationRandom random(seed, index);
  std::string bytes(input);
  for (std::size_t changes = 1 + random.below(4); changes > 0 && !bytes.empty(); --changes) {
    mutate_once(random, bytes);
  }
  return bytes;
}

}  // namespace mnist::test
