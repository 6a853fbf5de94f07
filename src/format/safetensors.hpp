// The safetensors format: a JSON header with types, shapes and offsets, then the tensors' bytes.
//
// The format has no checksum. This program writes a CRC-32 of the whole file to the metadata under "mnist.crc32" (eight
// hex digits, computed with zeros in their place), next to the recipe under "mnist". If either is present, the checksum
// must be present and correct, so every wrong byte is detected. In files of other programs, damage is detected only if
// it breaks the header.
//
// Source: huggingface/safetensors, README.md, section "Format".
#pragma once

#include <string_view>

#include "mnist/core/output.hpp"
#include "mnist/format/model_file.hpp"

#include "file_bytes.hpp"

namespace mnist {

// Whether a file that starts with these bytes is probably safetensors.
bool looks_like_safetensors(std::string_view begin);

// Returns the tensors in the order of their bytes. Throws a data `Error` that names the file.
ModelFile read_safetensors(const FileBytes& bytes);

// `state`: contiguous, on the CPU. Throws a data `Error` like `Output`; does not commit.
void write_safetensors(Output& output, const NamedTensors& state, const Recipe& recipe);

}  // namespace mnist
