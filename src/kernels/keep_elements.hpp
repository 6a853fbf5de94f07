// Dropout masks: Philox-4x32-10 for many counters at once, in loops that the compiler turns into vector instructions.
// `philox.hpp` is the readable version; a test compares both.
#pragma once

#include <cstddef>
#include <cstdint>

namespace {

constexpr int kCounters = 16;        // at once
constexpr std::size_t kNumbers = 8;  // 16-bit numbers per counter
constexpr std::size_t kBlock = kCounters * kNumbers;

void keep_block(std::uint32_t first, const std::uint32_t counter[4], const std::uint32_t key[2],
                std::uint32_t threshold, std::uint8_t* kept) {
  std::uint32_t word0[kCounters];
  std::uint32_t word1[kCounters];
  std::uint32_t word2[kCounters];
  std::uint32_t word3[kCounters];
  for (int i = 0; i < kCounters; ++i) {
    word0[i] = first + static_cast<std::uint32_t>(i);
    word1[i] = counter[1];
    word2[i] = counter[2];
    word3[i] = counter[3];
  }
  std::uint32_t key0 = key[0];
  std::uint32_t key1 = key[1];
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < kCounters; ++i) {
      const std::uint64_t a = std::uint64_t{0xD2511F53u} * word0[i];
      const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * word2[i];
      word0[i] = static_cast<std::uint32_t>(b >> 32) ^ word1[i] ^ key0;
      word1[i] = static_cast<std::uint32_t>(b);
      word2[i] = static_cast<std::uint32_t>(a >> 32) ^ word3[i] ^ key1;
      word3[i] = static_cast<std::uint32_t>(a);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  std::uint32_t words[kCounters * 4];
  for (int i = 0; i < kCounters; ++i) {
    words[4 * i] = word0[i];
    words[4 * i + 1] = word1[i];
    words[4 * i + 2] = word2[i];
    words[4 * i + 3] = word3[i];
  }
  for (int i = 0; i < kCounters * 4; ++i) {
    kept[2 * i] = (words[i] & 0xFFFFu) >= threshold ? 1 : 0;
    kept[2 * i + 1] = (words[i] >> 16) >= threshold ? 1 : 0;
  }
}

void keep_elements(const std::uint32_t counter[4], const std::uint32_t key[2], std::uint32_t threshold,
                   std::uint8_t* kept, std::size_t count) {
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const auto first = static_cast<std::uint32_t>(begin / kNumbers);
    if (count - begin >= kBlock) {
      keep_block(first, counter, key, threshold, kept + begin);
    } else {
      std::uint8_t block[kBlock];
      keep_block(first, counter, key, threshold, block);
      for (std::size_t i = begin; i < count; ++i) kept[i] = block[i - begin];
    }
  }
}

}  // namespace
