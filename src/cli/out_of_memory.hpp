// Telling running out of memory, of a GPU or of the machine, from other failures.
#pragma once

#include <exception>

namespace mnist::cli {

// Whether that is what was thrown: by the C++ library, or by LibTorch, which only says so in words.
bool is_out_of_memory(const std::exception& exception);

}  // namespace mnist::cli
