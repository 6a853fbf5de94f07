// The memory that pictures take while they are decoded, shared by all threads that decode: a thread waits until there
// is room for its picture. So a folder of huge pictures takes no more memory than one of them and some. Not for what is
// kept after decoding.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace mnist {

class DecodingMemory {
 public:
  // The most that a single picture may take, in bytes; one that needs more is read at a smaller scale, or refused. The
  // same for any number of threads, so that these change nothing about what is read.
  static constexpr std::uint64_t kMostForOne = std::uint64_t{216} << 20;

  // Each thread beyond the first adds as much, in bytes: a photo of 15 megapixels.
  static constexpr std::uint64_t kMoreForEachThread = std::uint64_t{48} << 20;

  // For `threads` that decode at a time.
  explicit DecodingMemory(int threads);

  // A part of it, until this ends.
  class Share {
   public:
    Share(DecodingMemory& memory, std::uint64_t bytes) : memory_(memory), bytes_(bytes) {}
    ~Share() { memory_.give_back(bytes_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    DecodingMemory& memory_;
    std::uint64_t bytes_;
  };

  // Waits until so many bytes, `kMostForOne` at most, are free. A thread that has a share must not ask for another:
  // both could wait for ever.
  [[nodiscard]] Share take(std::uint64_t bytes);

  // Bytes that are free now.
  std::uint64_t free() const;

 private:
  void give_back(std::uint64_t bytes);

  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::uint64_t free_;
};

}  // namespace mnist
