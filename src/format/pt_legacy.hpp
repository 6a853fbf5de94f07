// The legacy stream of torch.save, before PyTorch 1.6: five pickles (a magic number, the protocol, the system's
// properties, the contents, the names of the storages), then each storage as a count and its elements. It has no
// checksums: damage in a storage cannot be detected.
#pragma once

#include <string_view>

#include "mnist/format/model_file.hpp"

#include "file_bytes.hpp"

namespace mnist {

// The first pickle, the number 0x1950a86a20f9469cfc6c.
inline constexpr std::string_view kLegacyMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

// `bytes` start with the magic number. Throws a data `Error` that names the file.
ModelFile read_pt_legacy(const FileBytes& bytes);

}  // namespace mnist
