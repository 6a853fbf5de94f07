// The IDX format of the MNIST family, plain or gzip-compressed (detected from the content). Source: Y. LeCun, "The
// MNIST database", section "File formats": big-endian magic 0x00000803 (images) or 0x00000801 (labels), sizes, then
// bytes.
//
// Memory is allocated only after a check of the header against the file size: at most 2 GiB; for a gzip file at most 64
// MiB or 128 times its size, whichever is more (MNIST's own files expand to 5 times their size). If you know the
// expected sizes, read them first: then a wrong file needs no memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <torch/types.h>

namespace mnist {

// The sizes in the header, [N, rows, columns] or [N]; reads only the header. Both throw a data `Error` if the file is
// of another kind, shorter than a header, or too small for these sizes.
std::vector<std::int64_t> read_idx_image_sizes(const std::filesystem::path& path);
std::vector<std::int64_t> read_idx_label_sizes(const std::filesystem::path& path);

// Returns uint8 [N, rows, columns]. Throws a data `Error` whose message distinguishes a truncated download, a file of
// another kind, a damaged gzip stream, and extra bytes at the end.
torch::Tensor read_idx_images(const std::filesystem::path& path);

// Returns uint8 [N]. Throws as above.
torch::Tensor read_idx_labels(const std::filesystem::path& path);

}  // namespace mnist
