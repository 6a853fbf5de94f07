// One table of kernels per instruction set; each one is defined in a file that is compiled for it.
#pragma once

#include "mnist/kernels/kernels.hpp"

namespace mnist {

extern const Kernels kBaselineKernels;  // the minimum of this architecture: SSE2, NEON
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;    // AVX2 and FMA
extern const Kernels kAvx512Kernels;  // and AVX-512 F, BW, DQ, VL
#endif

}  // namespace mnist
