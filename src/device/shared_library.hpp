// Shared libraries loaded while the program runs, on each platform the same way. They stay loaded to the end.
#pragma once

#include <filesystem>
#include <string>

namespace mnist {

// A handle, or nullptr with the loader's words in `why`. The library's symbols become visible to those loaded later.
void* load_library(const std::string& name, std::string& why);

// The address of a function in a loaded library, or nullptr.
void* symbol_of(void* library, const char* name);

// The file of the library that holds `address`; empty where the system does not tell.
std::filesystem::path library_of(const void* address);

}  // namespace mnist
