// Loads shared libraries at run time, on all platforms. They stay loaded until the process ends.
#pragma once

#include <filesystem>
#include <string>

namespace mnist {

// Returns a handle, or nullptr with the loader's message in `why`. The library's symbols are visible to libraries that
// are loaded later.
void* load_library(const std::string& name, std::string& why);

// The address of a function in a loaded library, or nullptr.
void* symbol_of(void* library, const char* name);

// Path of the library that contains `address`; empty if the system does not report it.
std::filesystem::path library_of(const void* address);

}  // namespace mnist
