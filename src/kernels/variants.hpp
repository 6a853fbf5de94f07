// One table for each instruction set; each file that defines one is compiled for it.
#pragma once

#include "mnist/kernels/kernels.hpp"

namespace mnist {

extern const Kernels kBaselineKernels;  // what every processor of this kind has: SSE2, NEON
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;    // AVX2 and FMA
extern const Kernels kAvx512Kernels;  // and AVX-512 F, BW, DQ, VL
#endif

}  // namespace mnist
