// All kernels, in the instruction set that the including file is compiled for.
#pragma once

#include "conv3x3.hpp"
#include "conv_pool.hpp"
#include "dense.hpp"
#include "keep_elements.hpp"
#include "optimizer_steps.hpp"

namespace {

constexpr mnist::Kernels kernels_named(const char* name) {
  return {.name = name,
          .pack_conv_pool = pack_conv_pool,
          .conv_pool_forward = conv_pool_forward,
          .conv_pool_backward = conv_pool_backward,
          .unpack_conv_pool = unpack_conv_pool,
          .pack_conv3x3 = pack_conv3x3,
          .pack_conv3x3_backward = pack_conv3x3_backward,
          .conv3x3 = conv3x3,
          .conv3x3_weight_gradient = conv3x3_weight_gradient,
          .unpack_conv3x3 = unpack_conv3x3,
          .pack_dense = pack_dense,
          .dense = dense,
          .keep_elements = keep_elements,
          .adadelta = adadelta,
          .sgd = sgd,
          .adam = adam};
}

}  // namespace
