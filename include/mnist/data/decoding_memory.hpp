// A memory budget for decoding pictures, shared by all decoding threads: a thread waits until the budget has room for
// its picture. So even a folder of huge pictures needs little more memory than one of them. Not for decoded pictures
// that are kept.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace mnist {

class DecodingMemory {
 public:
  // The limit for a single picture in bytes. A picture that needs more is read at a smaller scale, or rejected. The
  // limit does not depend on the number of threads, so neither do the decoded pixels.
  static constexpr std::uint64_t kMaxPerPicture = std::uint64_t{216} << 20;

  // Additional budget for each thread after the first, in bytes: a photo of 15 megapixels.
  static constexpr std::uint64_t kExtraPerThread = std::uint64_t{48} << 20;

  // A budget for `threads` that decode at the same time.
  explicit DecodingMemory(int threads);

  // A reserved part of the budget; its destructor releases it.
  class Share {
   public:
    Share(DecodingMemory& memory, std::uint64_t bytes) : memory_(memory), bytes_(bytes) {}
    ~Share() { memory_.release(bytes_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    DecodingMemory& memory_;
    std::uint64_t bytes_;
  };

  // Waits until `bytes` are free and reserves them; at most `kMaxPerPicture`. A thread that holds a share must not call
  // it again: two such threads could wait for each other forever.
  [[nodiscard]] Share reserve(std::uint64_t bytes);

  // Free bytes.
  std::uint64_t free() const;

 private:
  void release(std::uint64_t bytes);

  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::uint64_t free_;
};

}  // namespace mnist
