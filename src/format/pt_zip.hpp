// The zip layout of torch.save, PyTorch 1.6 and newer: data.pkl describes the tensors, data/<key> holds the storages.
#pragma once

#include "mnist/core/files.hpp"
#include "mnist/format/model_file.hpp"

#include "file_bytes.hpp"

namespace mnist {

// Throws a data `Error` naming the file.
ModelFile read_pt_zip(const FileBytes& bytes);

// `state`: contiguous, on the CPU. The root folder is always called "archive", so that the bytes do not depend on the
// file's name. Throws a data `Error` as `AtomicFile` does; does not commit.
void write_pt_zip(AtomicFile& file, const NamedTensors& state, const Recipe& recipe, PickleLayout layout);

}  // namespace mnist
