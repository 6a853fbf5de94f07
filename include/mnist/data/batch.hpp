// Which items make up a batch, in which order, and how they become the network's input.
#pragma once

#include <cstdint>

#include <torch/types.h>

#include "mnist/core/recipe.hpp"
#include "mnist/data/dataset.hpp"

namespace mnist {

// The order of the items in an epoch: int64 [count], a permutation of 0 .. count-1. A pure function of its arguments,
// the same on every machine: Fisher-Yates from the last position to the second, where position p is swapped with one of
// 0 .. p. That one is drawn from Philox words (`core/philox.hpp`), key = seed, counter = (p, block, epoch's low word,
// epoch's high word), by Lemire's multiply-and-reject: the four words of block 0 are tried in order, then those of
// block 1, ... Epochs count from 1. `count` is below 2^32 - 1.
torch::Tensor epoch_order(std::int64_t count, std::uint64_t seed, std::int64_t epoch);

// Bytes to the network's input: float32, x / 255, then (x - mean) / std, in this order and precision (torchvision's
// ToTensor and Normalize, bit for bit). `pixels`: uint8 [N, C, H, W] on any device.
torch::Tensor normalize(const torch::Tensor& pixels, const Preprocessing& preprocessing);

// Back to bytes, for people to look at: uint8 [N, C, H, W] on the CPU.
torch::Tensor denormalize(const torch::Tensor& inputs, const Preprocessing& preprocessing);

struct Batch {
  torch::Tensor inputs;   // float32 [N, C, H, W], normalised
  torch::Tensor targets;  // int64 [N]
};

// Copies `values` into the memory of `kept` where the sizes agree, else gives `kept` new memory on `device`: what a GPU
// has recorded goes on reading where it did.
void assign(torch::Tensor& kept, const torch::Tensor& values, const c10::Device& device);

// The items `indices` (int64 [N], on the data set's device) of a data set.
Batch gather_batch(const Dataset& dataset, const torch::Tensor& indices, const Preprocessing& preprocessing);

}  // namespace mnist
