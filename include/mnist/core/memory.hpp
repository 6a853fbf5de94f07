// The memory that is left for this process, and a bound that turns running out of it into an exception. For work whose
// size the user chooses and that may be too large: without the bound Linux hands out more than there is and kills a
// process when it is used. Not for a GPU's memory, whose allocator throws by itself.
#pragma once

#include <cstdint>
#include <optional>

namespace mnist {

// Bytes that this process can still take without others being pushed out, by the system's own estimate and the limits
// of its control groups. Nothing where the system does not tell.
std::optional<std::uint64_t> available_memory();

// While it lives, taking more than nine tenths of what was available when it began throws std::bad_alloc, or what a
// library makes of that.
// Memory that is asked for counts, not only what is used of it. Does nothing where the system has no such limit
// (anywhere but on Linux), and leaves a narrower one alone.
class MemoryBound {
 public:
  MemoryBound();
  ~MemoryBound();
  MemoryBound(const MemoryBound&) = delete;
  MemoryBound& operator=(const MemoryBound&) = delete;

 private:
  std::optional<std::uint64_t> before_;  // the limit to put back
};

}  // namespace mnist
