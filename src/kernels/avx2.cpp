#include "variants.hpp"

#if defined(__x86_64__)

#include "all_kernels.hpp"

constexpr mnist::Kernels mnist::kAvx2Kernels = kernels_named("avx2");

#endif
