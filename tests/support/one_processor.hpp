// While it lives, restricts this process to its first processor.
#pragma once

#include <sched.h>
#include <stdexcept>

namespace mnist::test {

class OneProcessor {
 public:
  OneProcessor() {
    if (::sched_getaffinity(0, sizeof former_, &former_) != 0) throw std::runtime_error("no affinity mask");
    int first = 0;
    while (!CPU_ISSET(first, &former_)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) throw std::runtime_error("cannot set the affinity mask");
  }
  ~OneProcessor() { ::sched_setaffinity(0, sizeof former_, &former_); }
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;

 private:
  cpu_set_t former_{};
};

}  // namespace mnist::test
