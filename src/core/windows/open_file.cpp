#include "mnist/core/open_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <io.h>
#include <string>
#include <thread>
#include <windows.h>

#include "mnist/core/file_system.hpp"

#include "last_error.hpp"

namespace mnist {
namespace {

// So that an open file can be renamed and removed, as on POSIX systems.
constexpr DWORD kShared = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

// The lock covers one byte far behind the content: Windows forbids others to read and write locked bytes.
constexpr DWORD kLockedByteHigh = 0x4000'0000;

struct Access {
  DWORD rights;
  DWORD creation;
  DWORD attributes;
  int flags;  // of the descriptor
};

// FILE_FLAG_BACKUP_SEMANTICS: also opens folders.
Access access_of(OpenFor purpose) {
  switch (purpose) {
    case OpenFor::reading:
      return {GENERIC_READ, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, _O_RDONLY};
    case OpenFor::new_file:
      return {GENERIC_WRITE | DELETE, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, _O_WRONLY};
    case OpenFor::appending:
      // FILE_APPEND_DATA would do, but truncation needs the other rights.
      return {GENERIC_WRITE, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, _O_WRONLY | _O_APPEND};
    case OpenFor::stream:
      return {GENERIC_WRITE, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, _O_WRONLY};
    case OpenFor::syncing:
    case OpenFor::sync_folder:
      return {GENERIC_WRITE, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, _O_WRONLY};
  }
  return {GENERIC_READ, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, _O_RDONLY};
}

// Kinds of information that older headers do not name.
constexpr auto kDispositionInfoEx = static_cast<FILE_INFO_BY_HANDLE_CLASS>(21);
constexpr auto kRenameInfoEx = static_cast<FILE_INFO_BY_HANDLE_CLASS>(22);

// Gives the file at `path` another name or none.
bool change_name(const std::filesystem::path& path, FILE_INFO_BY_HANDLE_CLASS kind, std::string information) {
  const HANDLE handle =
      ::CreateFileW(path.c_str(), DELETE, kShared, nullptr, OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return false;
  const auto size = static_cast<DWORD>(information.size());
  const bool done = ::SetFileInformationByHandle(handle, kind, information.data(), size) != 0;
  ::CloseHandle(handle);
  return done;
}

// FILE_RENAME_INFO: flags, no root folder, length and text of the new name.
std::string rename_information(const std::filesystem::path& to) {
  constexpr DWORD kReplace = 1;  // FILE_RENAME_FLAG_REPLACE_IF_EXISTS
  constexpr DWORD kPosix = 2;    // FILE_RENAME_FLAG_POSIX_SEMANTICS
  const std::wstring name = std::filesystem::absolute(to).wstring();
  const auto bytes = static_cast<DWORD>(name.size() * sizeof(wchar_t));
  const DWORD flags = kReplace | kPosix;
  std::string information(offsetof(FILE_RENAME_INFO, FileName) + bytes + sizeof(wchar_t), '\0');
  std::memcpy(information.data(), &flags, sizeof flags);
  std::memcpy(information.data() + offsetof(FILE_RENAME_INFO, FileNameLength), &bytes, sizeof bytes);
  std::memcpy(information.data() + offsetof(FILE_RENAME_INFO, FileName), name.data(), bytes);
  return information;
}

HANDLE handle_of(int descriptor) {
  const auto handle = reinterpret_cast<HANDLE>(::_get_osfhandle(descriptor));
  // -2: a standard stream without a file.
  return handle == reinterpret_cast<HANDLE>(-2) ? INVALID_HANDLE_VALUE : handle;
}

// Takes ownership of the handle.
int descriptor_from(HANDLE handle, int flags) {
  if (handle == INVALID_HANDLE_VALUE) return fail_with_last_error();
  const int descriptor = ::_open_osfhandle(reinterpret_cast<intptr_t>(handle), flags | _O_BINARY | _O_NOINHERIT);
  if (descriptor < 0) ::CloseHandle(handle);
  return descriptor;
}

int open_as(const std::filesystem::path& path, const Access& access) {
  return descriptor_from(
      ::CreateFileW(path.c_str(), access.rights, kShared, nullptr, access.creation, access.attributes, nullptr),
      access.flags);
}

std::optional<FileStatus> status_from(HANDLE handle) {
  FileStatus status;
  switch (::GetFileType(handle)) {
    case FILE_TYPE_PIPE:
      status.type = FileType::pipe;
      return status;
    case FILE_TYPE_CHAR:
      status.type = FileType::character_device;
      return status;
    case FILE_TYPE_DISK:
      break;
    default:
      errno = EBADF;
      return std::nullopt;
  }
  BY_HANDLE_FILE_INFORMATION facts;
  FILE_STANDARD_INFO standard;
  if (!::GetFileInformationByHandle(handle, &facts) ||
      !::GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof standard)) {
    fail_with_last_error();
    return std::nullopt;
  }
  const auto joined = [](DWORD high, DWORD low) { return (std::uint64_t{high} << 32) | low; };
  const bool is_folder = (facts.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
  const bool is_read_only = (facts.dwFileAttributes & FILE_ATTRIBUTE_READONLY) != 0;
  status.type = is_folder ? FileType::folder : FileType::regular;
  status.size = joined(facts.nFileSizeHigh, facts.nFileSizeLow);
  status.links = standard.DeletePending ? 0 : facts.nNumberOfLinks;
  status.permissions = is_read_only ? 0444 : 0666;
  status.device = facts.dwVolumeSerialNumber;
  status.number = joined(facts.nFileIndexHigh, facts.nFileIndexLow);
  return status;
}

}  // namespace

int open_file(const std::filesystem::path& path, OpenFor purpose, unsigned /*permissions*/) {
  return open_as(path, access_of(purpose));
}

int close_file(int descriptor) {
  return ::_close(descriptor);
}

int duplicate(int descriptor) {
  HANDLE copy = INVALID_HANDLE_VALUE;
  const HANDLE process = ::GetCurrentProcess();
  if (!::DuplicateHandle(process, handle_of(descriptor), process, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
    return fail_with_last_error();
  }
  return descriptor_from(copy, 0);
}

std::ptrdiff_t read_some(int descriptor, void* out, std::size_t count) {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  return ::_read(descriptor, out, static_cast<unsigned>(std::min(count, kMost)));
}

std::ptrdiff_t read_some_at(int descriptor, std::uint64_t position, void* out, std::size_t count) {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  OVERLAPPED at{};
  at.Offset = static_cast<DWORD>(position);
  at.OffsetHigh = static_cast<DWORD>(position >> 32);
  DWORD got = 0;
  if (::ReadFile(handle_of(descriptor), out, static_cast<DWORD>(std::min(count, kMost)), &got, &at)) return got;
  return ::GetLastError() == ERROR_HANDLE_EOF ? 0 : fail_with_last_error();
}

std::optional<FileStatus> status_of(const std::filesystem::path& path) {
  const HANDLE handle =
      ::CreateFileW(path.c_str(), 0, kShared, nullptr, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr);
  if (handle == INVALID_HANDLE_VALUE) {
    fail_with_last_error();
    return std::nullopt;
  }
  const auto status = status_from(handle);
  ::CloseHandle(handle);
  return status;
}

std::optional<FileStatus> status_of(int descriptor) {
  return status_from(handle_of(descriptor));
}

bool is_terminal(int descriptor) {
  DWORD mode = 0;
  return ::GetConsoleMode(handle_of(descriptor), &mode) != 0;
}

bool is_at_start(int descriptor) {
  return ::_lseeki64(descriptor, 0, SEEK_CUR) == 0;
}

// To a file, a write of no bytes needs the right and changes nothing. From a pipe, a reader would get it as the end.
bool is_open_for_writing(int descriptor) {
  const HANDLE handle = handle_of(descriptor);
  DWORD written = 0;
  if (::GetFileType(handle) == FILE_TYPE_PIPE) return true;
  return ::WriteFile(handle, "", 0, &written, nullptr) != 0 || fail_with_last_error() == 0;
}

bool may_write(const std::filesystem::path& path) {
  constexpr int kWrite = 2;
  return ::_waccess(path.c_str(), kWrite) == 0;
}

void set_permissions(int /*descriptor*/, unsigned /*permissions*/) {}

int open_unnamed_file() {
  std::array<wchar_t, MAX_PATH + 1> folder{};
  std::array<wchar_t, MAX_PATH + 1> name{};
  const DWORD length = ::GetTempPathW(MAX_PATH, folder.data());
  if (length == 0 || length > MAX_PATH || ::GetTempFileNameW(folder.data(), L"mni", 0, name.data()) == 0) {
    return fail_with_last_error();
  }
  const int descriptor = open_as(name.data(), {GENERIC_READ | GENERIC_WRITE, CREATE_ALWAYS,
                                               FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, _O_RDWR});
  const int error = errno;
  if (descriptor < 0) ::DeleteFileW(name.data());
  errno = error;
  return descriptor;
}

bool wait_until_readable(int descriptor, std::chrono::milliseconds patience) {
  const HANDLE handle = handle_of(descriptor);
  if (::GetFileType(handle) != FILE_TYPE_PIPE) return true;
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    DWORD available = 0;
    // A failure means that the pipe has no writer any more: the next read says so.
    if (!::PeekNamedPipe(handle, nullptr, 0, nullptr, &available, nullptr) || available > 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

int open_lock_file(const std::filesystem::path& path, bool create) {
  // Not what a link points to.
  const DWORD attributes = ::GetFileAttributesW(path.c_str());
  if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
    errno = ELOOP;
    return -1;
  }
  const DWORD creation = create ? OPEN_ALWAYS : OPEN_EXISTING;
  const int descriptor = open_as(path, {GENERIC_READ | GENERIC_WRITE, creation, FILE_ATTRIBUTE_NORMAL, _O_RDWR});
  if (descriptor >= 0 || errno != EACCES) return descriptor;
  return open_as(path, {GENERIC_READ, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, _O_RDONLY});
}

LockResult try_lock(int descriptor, Lock lock) {
  OVERLAPPED at{};
  at.OffsetHigh = kLockedByteHigh;
  const DWORD kind = lock == Lock::exclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0;
  if (::LockFileEx(handle_of(descriptor), kind | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)) return LockResult::locked;
  const DWORD error = ::GetLastError();
  errno = errno_of(error);
  return error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING ? LockResult::busy : LockResult::failed;
}

std::ptrdiff_t FileSystem::write(int descriptor, const void* bytes, std::size_t count) {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  return ::_write(descriptor, bytes, static_cast<unsigned>(std::min(count, kMost)));
}

// The names in a folder are in the journal of the file system, which no function flushes.
int FileSystem::fsync(int descriptor) {
  const HANDLE handle = handle_of(descriptor);
  if (::FlushFileBuffers(handle)) return 0;
  fail_with_last_error();
  BY_HANDLE_FILE_INFORMATION facts;
  const bool is_folder =
      ::GetFileInformationByHandle(handle, &facts) != 0 && (facts.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
  return is_folder ? 0 : -1;
}

int FileSystem::truncate(int descriptor, std::uintmax_t size) {
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
  return ::SetFileInformationByHandle(handle_of(descriptor), FileEndOfFileInfo, &end, sizeof end)
             ? 0
             : fail_with_last_error();
}

// First in the way of POSIX, which also replaces a file that somebody reads; not every file system has it.
int FileSystem::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (change_name(from, kRenameInfoEx, rename_information(to))) return 0;
  return ::MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)
             ? 0
             : fail_with_last_error();
}

// Likewise: the name of a file that is open is free at once.
int FileSystem::unlink(const std::filesystem::path& path) {
  constexpr DWORD kDelete = 1;  // FILE_DISPOSITION_FLAG_DELETE
  constexpr DWORD kPosix = 2;   // FILE_DISPOSITION_FLAG_POSIX_SEMANTICS
  const DWORD flags = kDelete | kPosix;
  if (change_name(path, kDispositionInfoEx, {reinterpret_cast<const char*>(&flags), sizeof flags})) return 0;
  return ::DeleteFileW(path.c_str()) ? 0 : fail_with_last_error();
}

}  // namespace mnist
