// The safetensors format: a header in JSON that names types, shapes and places, then the tensors' bytes.
//
// The format has no checksum. Files written here carry a CRC-32 of the whole file under "mnist.crc32" in the metadata
// (eight hex digits, computed with zeros in their place) beside the recipe under "mnist"; where either is present the
// checksum must be there and right, so that every single wrong byte is noticed. In files of other programs damage is
// noticed only where it breaks the header.
//
// Source: huggingface/safetensors, README.md, section "Format".
#pragma once

#include <string_view>

#include "mnist/core/output.hpp"
#include "mnist/format/model_file.hpp"

#include "file_bytes.hpp"

namespace mnist {

// Whether a file that begins so could be safetensors and cannot be much else.
bool looks_like_safetensors(std::string_view begin);

// The tensors are in the order of their bytes. Throws a data `Error` naming the file.
ModelFile read_safetensors(const FileBytes& bytes);

// `state`: contiguous, on the CPU. Throws a data `Error` as `Output` does; does not commit.
void write_safetensors(Output& output, const NamedTensors& state, const Recipe& recipe);

}  // namespace mnist
