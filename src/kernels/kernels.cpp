#include "mnist/kernels/kernels.hpp"

#include "variants.hpp"

namespace mnist {

const std::vector<const Kernels*>& usable_kernels() {
  static const std::vector<const Kernels*> usable = [] {
    std::vector<const Kernels*> found;
#if defined(__x86_64__) && !defined(MNIST_WITHOUT_KERNELS)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        found.push_back(&kAvx512Kernels);
      }
      found.push_back(&kAvx2Kernels);
    }
#endif
#if !defined(MNIST_WITHOUT_KERNELS)
    found.push_back(&kBaselineKernels);
#endif
    return found;
  }();
  return usable;
}

const Kernels* best_kernels() {
  return usable_kernels().empty() ? nullptr : usable_kernels().front();
}

}  // namespace mnist
