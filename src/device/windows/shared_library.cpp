#include "shared_library.hpp"

#include <array>
#include <windows.h>

#include <fmt/format.h>

namespace mnist {

void* load_library(const std::string& name, std::string& why) {
  HMODULE library = ::LoadLibraryW(std::filesystem::path(name).c_str());
  if (library == nullptr) why = fmt::format("error {}", ::GetLastError());
  return library;
}

void* symbol_of(void* library, const char* name) {
  return reinterpret_cast<void*>(::GetProcAddress(static_cast<HMODULE>(library), name));
}

std::filesystem::path library_of(const void* address) {
  HMODULE library = nullptr;
  std::array<wchar_t, 32768> name{};
  constexpr auto kFlags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  if (!::GetModuleHandleExW(kFlags, static_cast<LPCWSTR>(address), &library)) return {};
  ::GetModuleFileNameW(library, name.data(), name.size());
  return name.data();
}

}  // namespace mnist
