// What the system knows about files, and calls on open descriptors. Their sources are src/core/posix/open_file.cpp and
// src/core/windows/open_file.cpp, so that the rest of the program includes no header of a system. To read a file, use
// `input_file.hpp`; to write one, `files.hpp`, `append_file.hpp` or `output.hpp`.
//
// A function that returns a negative number or nothing has failed and sets `errno`, unless its comment says otherwise.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>

namespace mnist {

inline constexpr int kStdin = 0;
inline constexpr int kStdout = 1;
inline constexpr int kStderr = 2;

// What a file is opened for. Descriptors are not inherited by programs that this process starts, and files that are
// open may be renamed and removed, on Windows too.
enum class OpenFor {
  reading,     // does not wait for the writer of a pipe; also opens a folder, whose reading fails later
  new_file,    // writing; fails with EEXIST if there is a file or a link
  appending,   // writing at the end, created if it does not exist; does not wait for the reader of a pipe
  stream,      // writing to an existing pipe or device; waits for the reader of a pipe
  syncing,     // calling fsync
  sync_folder  // calling fsync on a folder
};

// `permissions`: of a file that is created, before the umask; without effect on Windows.
int open_file(const std::filesystem::path& path, OpenFor purpose, unsigned permissions = 0666);
int close_file(int descriptor);
int duplicate(int descriptor);

std::ptrdiff_t read_some(int descriptor, void* out, std::size_t count);
// Leaves the position of `read_some` undefined.
std::ptrdiff_t read_some_at(int descriptor, std::uint64_t position, void* out, std::size_t count);

enum class FileType { regular, folder, pipe, socket, character_device, other };

struct FileStatus {
  FileType type = FileType::other;
  std::uintmax_t size = 0;   // bytes
  std::uintmax_t links = 1;  // names of the file; 0: it was removed while it is open
  unsigned permissions = 0;  // the lowest 12 bits of a POSIX mode
  std::uint64_t device = 0;  // together with `number` the identity of the file
  std::uint64_t number = 0;
};

// Follows symbolic links.
std::optional<FileStatus> status_of(const std::filesystem::path& path);
std::optional<FileStatus> status_of(int descriptor);

// Whether `path` still names the file of `descriptor`.
bool is_same_file(int descriptor, const std::filesystem::path& path);

bool is_terminal(int descriptor);
bool is_at_start(int descriptor);  // false if it has no position
bool is_open_for_writing(int descriptor);
bool may_write(const std::filesystem::path& path);

// A failure has no effect. Does nothing on Windows.
void set_permissions(int descriptor, unsigned permissions);

// A file without a name for reading and writing, in memory if the system supports it.
int open_unnamed_file();

// Whether data or the end of the pipe arrives in time. A signal may end the wait earlier.
bool wait_until_readable(int descriptor, std::chrono::milliseconds patience);

// Advisory locks of whole files, which the system releases if the process dies: flock, on Windows LockFileEx.
enum class Lock { exclusive, shared };
enum class LockResult { locked, busy, failed };  // failed: `errno` says why, for example no locks on this file system

// Opens a lock file for `try_lock`; fails for a symbolic link. `create`: if it does not exist. A file that may only be
// read can still be locked.
int open_lock_file(const std::filesystem::path& path, bool create);
LockResult try_lock(int descriptor, Lock lock);  // does not wait

}  // namespace mnist
