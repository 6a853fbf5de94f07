#include "shared_library.hpp"

#include <dlfcn.h>

namespace mnist {

void* load_library(const std::string& name, std::string& why) {
  void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    const char* error = dlerror();
    why = error == nullptr ? "unknown reason" : error;
  }
  return library;
}

void* symbol_of(void* library, const char* name) {
  return dlsym(library, name);
}

std::filesystem::path library_of(const void* address) {
  Dl_info info{};
  if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
  return info.dli_fname;
}

}  // namespace mnist
