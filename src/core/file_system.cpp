#include "mnist/core/file_system.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "mnist/core/files.hpp"

namespace mnist {
namespace {

std::string remedy(int error, const std::filesystem::path& folder) {
  switch (error) {
    case ENOSPC:
      return "the disk is full: free some space, or choose another location";
#ifdef EDQUOT
    case EDQUOT:
      return "your disk quota is used up: free some space, or choose another location";
#endif
    case EFBIG:
      return "the file size limit is reached (see: ulimit -f): raise it, or choose another location";
    case EROFS:
      return "that file system is read-only: choose another location";
    case EACCES:
    case EPERM:
      return fmt::format("check the permissions of {}, or choose another location", quoted(folder));
    case ENOENT:
    case ENOTDIR:
      return fmt::format("check that the folder {} exists and accepts files, or choose another location",
                         quoted(folder));
    case ENAMETOOLONG:
      return "give it a shorter name";
    case EMFILE:
    case ENFILE:
      return "too many files are open: raise the limit (ulimit -n)";
    case EIO:
      return "the disk or its connection fails: check the system log (dmesg), and choose another location";
    default:
      return "choose another location";
  }
}

}  // namespace

int FileSystem::open(const std::filesystem::path& path, OpenFor purpose, unsigned permissions) {
  return open_file(path, purpose, permissions);
}

int FileSystem::close(int descriptor) {
  return close_file(descriptor);
}

FileSystem& FileSystem::system() {
  static FileSystem files;
  return files;
}

bool write_all(FileSystem& files, int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = retry_if_interrupted([&] { return files.write(descriptor, bytes.data(), bytes.size()); });
    if (written == 0) errno = EIO;  // avoids an endless loop
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

namespace {

// Closes the descriptor.
bool sync_and_close(FileSystem& files, int descriptor) {
  const bool synced =
      retry_if_interrupted([&] { return files.fsync(descriptor); }) == 0 || errno == EINVAL || errno == ENOTSUP;
  const int error = errno;
  files.close(descriptor);
  errno = error;
  return synced;
}

}  // namespace

bool sync_folder(FileSystem& files, const std::filesystem::path& folder) {
  const int descriptor = retry_if_interrupted([&] { return files.open(folder, OpenFor::sync_folder, 0); });
  // EACCES: a folder that is writable but not readable.
  return descriptor < 0 ? errno == EACCES : sync_and_close(files, descriptor);
}

bool sync_file(FileSystem& files, const std::filesystem::path& path) {
  const int descriptor = retry_if_interrupted([&] { return files.open(path, OpenFor::syncing, 0); });
  return descriptor < 0 || sync_and_close(files, descriptor);
}

Error file_error(std::string_view action, const std::filesystem::path& path, int error) {
  return data_error(fmt::format("cannot {} {}: {}", action, quoted(path), std::generic_category().message(error)),
                    remedy(error, folder_of(path)));
}

bool is_same_file(int descriptor, const std::filesystem::path& path) {
  const auto open = status_of(descriptor);
  const auto named = status_of(path);
  return open && named && open->device == named->device && open->number == named->number;
}

bool is_disk_full(int error) {
#ifdef EDQUOT
  if (error == EDQUOT) return true;
#endif
  return error == ENOSPC;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace mnist
