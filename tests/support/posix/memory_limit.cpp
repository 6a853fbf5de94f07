#include "support/memory_limit.hpp"

#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace mnist::test {

MemoryLimit::MemoryLimit(std::uint64_t bytes) {
  struct rlimit limit {};
  ::getrlimit(RLIMIT_AS, &limit);
  before_ = limit.rlim_cur;
  if (!kMemoryIsCounted) return;
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  if (pages == 0) return;  // not Linux
  limit.rlim_cur = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + bytes;
  ::setrlimit(RLIMIT_AS, &limit);
}

MemoryLimit::~MemoryLimit() {
  struct rlimit limit {};
  ::getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = before_;
  ::setrlimit(RLIMIT_AS, &limit);
}

}  // namespace mnist::test
