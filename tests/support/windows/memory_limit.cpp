#include "support/memory_limit.hpp"

namespace mnist::test {

MemoryLimit::MemoryLimit(std::uint64_t /*bytes*/) {}
MemoryLimit::~MemoryLimit() = default;

}  // namespace mnist::test
