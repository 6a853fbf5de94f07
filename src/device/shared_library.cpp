#include "shared_library.hpp"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace mnist {

#if defined(_WIN32)

void* load_library(const std::string& name, std::string& why) {
  HMODULE library = LoadLibraryA(name.c_str());
  if (library == nullptr) why = "error " + std::to_string(GetLastError());
  return library;
}

void* symbol_of(void* library, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
}

std::filesystem::path library_of(const void* address) {
  HMODULE library = nullptr;
  char name[MAX_PATH] = "";
  constexpr auto kFlags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  if (!GetModuleHandleExA(kFlags, static_cast<LPCSTR>(address), &library)) return {};
  GetModuleFileNameA(library, name, sizeof name);
  return name;
}

#else

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

#endif

}  // namespace mnist
