// The order of items in an epoch, and how items become a batch of network inputs.
#pragma once

#include <cstdint>

#include <torch/types.h>

#include "mnist/core/recipe.hpp"
#include "mnist/data/dataset.hpp"

namespace mnist {

// The order of the items in an epoch: int64 [count], a permutation of 0 .. count-1. A pure function of its arguments,
// the same on every machine: Fisher-Yates from the last position to the second, which swaps position p with a random
// one of 0 .. p. The random number comes from Philox words (`core/philox.hpp`), key = seed, counter = (p, block,
// epoch's low word, epoch's high word), by Lemire's multiply-and-reject: it tries the four words of block 0 in order,
// then those of block 1, ... Epochs count from 1. `count` must be below 2^32 - 1.
torch::Tensor epoch_order(std::int64_t count, std::uint64_t seed, std::int64_t epoch);

// Converts bytes to the network's input: float32, x / 255, then (x - mean) / std, in this order and precision (bit for
// bit torchvision's ToTensor and Normalize). `pixels`: uint8 [N, C, H, W] on any device.
torch::Tensor normalize(const torch::Tensor& pixels, const Preprocessing& preprocessing);

// The reverse of `normalize`, to show images to people: uint8 [N, C, H, W] on the CPU.
torch::Tensor denormalize(const torch::Tensor& inputs, const Preprocessing& preprocessing);

struct Batch {
  torch::Tensor inputs;   // float32 [N, C, H, W], normalised
  torch::Tensor targets;  // int64 [N]
};

// Copies `values` to `buffer`. If the shapes are equal, the memory of `buffer` is reused, because a recorded CUDA graph
// reads from its address; otherwise `buffer` gets new memory on `device`.
void copy_into_buffer(torch::Tensor& buffer, const torch::Tensor& values, const c10::Device& device);

// The batch of the items `indices`: int64 [N] on the data set's device.
Batch gather_batch(const Dataset& dataset, const torch::Tensor& indices, const Preprocessing& preprocessing);

}  // namespace mnist
