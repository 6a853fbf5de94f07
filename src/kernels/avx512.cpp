#include "variants.hpp"

#if defined(__x86_64__)

#include "all_kernels.hpp"

constexpr mnist::Kernels mnist::kAvx512Kernels = kernels_named("avx512");

#endif
