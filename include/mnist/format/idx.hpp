// The IDX format of the MNIST family, plain or gzip-compressed (found out from the content).
// Source: Y. LeCun, "The MNIST database", section "File formats": big-endian magic 0x00000803 (images) or 0x00000801
// (labels), sizes, then bytes.
#pragma once

#include <filesystem>

#include <torch/types.h>

namespace mnist {

// uint8 [N, rows, columns]. Throws a data `Error` that tells a truncated download from a file of another kind, from a
// gzip stream that is damaged, and from one with bytes left over.
torch::Tensor read_idx_images(const std::filesystem::path& path);

// uint8 [N]. Throws as above.
torch::Tensor read_idx_labels(const std::filesystem::path& path);

}  // namespace mnist
