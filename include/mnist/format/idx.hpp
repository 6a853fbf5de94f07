// The IDX format of the MNIST family, plain or gzip-compressed (found out from the content).
// Source: Y. LeCun, "The MNIST database", section "File formats": big-endian magic 0x00000803 (images) or 0x00000801
// (labels), sizes, then bytes.
//
// Memory is taken for what the header promises, once the file's size allows for it: at most 2 GiB; of a packed file at
// most 64 MiB, or 128 times its size if that is more (MNIST's own unpack to 5 times theirs). A reader who knows what
// the sizes have to be looks at them first and then takes no memory for a file that is not wanted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <torch/types.h>

namespace mnist {

// What the header says, [N, rows, columns] or [N]; of the rest nothing is read. Both throw a data `Error` if the file
// is of another kind or shorter than its header, and if the header promises more than the file can hold.
std::vector<std::int64_t> read_idx_image_sizes(const std::filesystem::path& path);
std::vector<std::int64_t> read_idx_label_sizes(const std::filesystem::path& path);

// uint8 [N, rows, columns]. Throws a data `Error` that tells a truncated download from a file of another kind, from a
// gzip stream that is damaged, and from one with bytes left over.
torch::Tensor read_idx_images(const std::filesystem::path& path);

// uint8 [N]. Throws as above.
torch::Tensor read_idx_labels(const std::filesystem::path& path);

}  // namespace mnist
