// All kernels, in the instruction set that the including file is compiled for.
#pragma once

#include "conv_pool.hpp"
#include "keep_elements.hpp"
#include "optimizer_steps.hpp"

namespace {

constexpr mnist::Kernels kernels_named(const char* name) {
  return {.name = name,
          .pack_conv_pool = pack_conv_pool,
          .conv_pool_forward = conv_pool_forward,
          .conv_pool_backward = conv_pool_backward,
          .unpack_conv_pool = unpack_conv_pool,
          .keep_elements = keep_elements,
          .adadelta = adadelta,
          .sgd = sgd,
          .adam = adam};
}

}  // namespace
