// Recognizes errors for missing memory of a GPU or the machine.
#pragma once

#include <exception>

namespace mnist::cli {

// Whether the exception means missing memory: from the C++ library, or from LibTorch, which has only a message.
bool is_out_of_memory(const std::exception& exception);

}  // namespace mnist::cli
