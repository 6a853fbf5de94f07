#include "mnist/core/memory.hpp"

#include <mach/mach.h>

namespace mnist {

// Free pages, and those that the system takes back first.
std::optional<std::uint64_t> available_memory() {
  vm_statistics64_data_t pages{};
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  vm_size_t page = 0;
  static const host_t host = ::mach_host_self();  // each call would take a reference
  if (::host_page_size(host, &page) != KERN_SUCCESS ||
      ::host_statistics64(host, HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages), &count) != KERN_SUCCESS) {
    return std::nullopt;
  }
  return (std::uint64_t{pages.free_count} + pages.inactive_count + pages.purgeable_count) * page;
}

std::optional<std::uint64_t> resident_memory() {
  mach_task_basic_info_data_t info{};
  mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
  if (::task_info(::mach_task_self(), MACH_TASK_BASIC_INFO, reinterpret_cast<task_info_t>(&info), &count) !=
      KERN_SUCCESS) {
    return std::nullopt;
  }
  return info.resident_size;
}

// macOS does not limit a process's data.
MemoryBound::MemoryBound() = default;
MemoryBound::~MemoryBound() = default;

}  // namespace mnist
