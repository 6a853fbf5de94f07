// The memory that is available to this process, and a limit that turns out-of-memory into an exception. For work whose
// size the user chooses: without the limit, Linux grants more memory than there is and kills a process when it uses it.
// Not for GPU memory, whose allocator throws by itself.
#pragma once

#include <cstdint>
#include <optional>

namespace mnist {

// Bytes that this process can still allocate without swapping, by the system's estimate and the limits of its control
// groups (cgroups). Returns nothing if the system does not report it.
std::optional<std::uint64_t> available_memory();

// Bytes of RAM that this process occupies now. Returns nothing if the system does not report it.
std::optional<std::uint64_t> resident_memory();

// While this object lives, an allocation beyond 90 % of the memory that was available at construction throws
// std::bad_alloc, or a library's own exception for it. Allocated memory counts, even if it is not used. Does nothing on
// systems other than Linux, and does not raise a lower limit.
class MemoryBound {
 public:
  MemoryBound();
  ~MemoryBound();
  MemoryBound(const MemoryBound&) = delete;
  MemoryBound& operator=(const MemoryBound&) = delete;

 private:
  [[maybe_unused]] std::optional<std::uint64_t> before_;  // the limit to restore
};

}  // namespace mnist
