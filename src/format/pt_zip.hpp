// The zip layout of torch.save, PyTorch 1.6 and newer: data.pkl describes the tensors, data/<key> holds the storages.
#pragma once

#include <string>
#include <string_view>

#include "mnist/core/output.hpp"
#include "mnist/format/model_file.hpp"

namespace mnist {

// `bytes`: the whole file. Throws a data `Error` naming `source`.
ModelFile read_pt_zip(std::string_view bytes, const std::string& source);

// `state`: contiguous, on the CPU. The root folder is always called "archive", so that the bytes do not depend on the
// file's name. Throws a data `Error` as `Output` does; does not commit.
void write_pt_zip(Output& output, const NamedTensors& state, const Recipe& recipe, PickleLayout layout);

}  // namespace mnist
