#include "mnist/kernels/kernels.hpp"

#include "variants.hpp"

namespace mnist {

const std::vector<const Kernels*>& usable_kernels() {
  static const std::vector<const Kernels*> usable = [] {
    std::vector<const Kernels*> found;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        found.push_back(&kAvx512Kernels);
      }
      found.push_back(&kAvx2Kernels);
    }
#endif
    found.push_back(&kBaselineKernels);
    return found;
  }();
  return usable;
}

}  // namespace mnist
