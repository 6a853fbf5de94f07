#include "all_kernels.hpp"
#include "variants.hpp"

constexpr mnist::Kernels mnist::kBaselineKernels = kernels_named("baseline");
