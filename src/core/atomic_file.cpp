#include <cerrno>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/file_system.hpp"
#include "mnist/core/files.hpp"

namespace mnist {
namespace {

// The target of a symbolic link, so that a rename replaces the file and not the link.
std::filesystem::path link_target(std::filesystem::path path) {
  std::error_code error;
  for (int hops = 0; hops < 40 && std::filesystem::is_symlink(path, error); ++hops) {
    const std::filesystem::path target = std::filesystem::read_symlink(path, error);
    if (error) break;
    path = target.is_absolute() ? target : path.parent_path() / target;
  }
  return path;
}

// Temporary files are named ".mnist-<16 hexadecimal digits>.tmp" and locked while their process writes them. They do
// not contain the name of the file, which may have the maximum length.
constexpr std::string_view kPrefix = ".mnist-";
constexpr std::string_view kSuffix = ".tmp";
constexpr std::size_t kDigits = 16;

std::string temporary_name() {
  std::random_device random;
  return fmt::format("{}{:08x}{:08x}{}", kPrefix, random(), random(), kSuffix);
}

bool is_temporary_name(const std::string& name) {
  return name.size() == kPrefix.size() + kDigits + kSuffix.size() && name.starts_with(kPrefix) &&
         name.ends_with(kSuffix) &&
         name.find_first_not_of("0123456789abcdef", kPrefix.size()) == kPrefix.size() + kDigits;
}

// Returns false if another process is removing the file, because it saw it before the lock. On a file system without
// locks no process removes it.
bool claim(int descriptor) {
  if (try_lock(descriptor, Lock::exclusive) == LockResult::busy) return false;
  const auto status = status_of(descriptor);
  return !status || status->links > 0;
}

// Throws if `path` cannot be written as a file. Returns the permissions of an existing file.
std::optional<unsigned> permissions_to_keep(const std::filesystem::path& path) {
  const std::filesystem::path folder = folder_of(path);
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw data_error(fmt::format("cannot write {}: it is a folder", quoted(path)), "give a file in it");
  }
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw data_error(fmt::format("cannot write {}: there is no folder {}", quoted(path), quoted(folder)),
                     "create the folder first, or name another one");
  }
  const auto old = status_of(path);
  if (!old) {
    if (errno != ENOENT) throw file_error("write", path, errno);
    return std::nullopt;
  }
  if (old->type != FileType::regular) {
    // A rename would replace /dev/null by a file.
    throw data_error(fmt::format("cannot write {}: it is not a regular file", quoted(path)), "name another file");
  }
  return old->permissions;
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, FileSystem& files)
    : path_(link_target(std::move(path))), files_(files) {
  constexpr unsigned kUsual = 0666;
  const std::optional<unsigned> kept = permissions_to_keep(path_);
  while (descriptor_ < 0) {
    temporary_ = folder_of(path_) / temporary_name();
    descriptor_ =
        retry_if_interrupted([&] { return files_.open(temporary_, OpenFor::new_file, kept.value_or(kUsual)); });
    if (descriptor_ < 0 && errno != EEXIST) throw file_error("write", path_, errno);
    if (descriptor_ >= 0 && !claim(descriptor_)) files_.close(std::exchange(descriptor_, -1));
  }
  // open() applies the umask; a replaced file must keep its permissions.
  if (kept) set_permissions(descriptor_, *kept);
}

AtomicFile::~AtomicFile() {
  discard();
}

void AtomicFile::discard() {
  if (!temporary_.empty()) files_.unlink(temporary_);
  temporary_.clear();
  if (descriptor_ >= 0) files_.close(std::exchange(descriptor_, -1));
}

// Called at once, so that a full disk gets its space back.
void AtomicFile::fail(const char* action) {
  const int error = errno;
  discard();
  throw file_error(action, path_, error);
}

void AtomicFile::write(const void* bytes, std::size_t count) {
  if (!write_all(files_, descriptor_, {static_cast<const char*>(bytes), count})) fail("write");
}

void AtomicFile::commit() {
  if (retry_if_interrupted([&] { return files_.fsync(descriptor_); }) != 0) fail("write");
  if (files_.rename(temporary_, path_) != 0) fail("replace");
  temporary_.clear();
  // Not before the rename, because close releases the lock on the temporary file. After fsync, close cannot fail in a
  // way that matters.
  files_.close(std::exchange(descriptor_, -1));
  if (!sync_folder(files_, folder_of(path_))) fail("sync");
}

std::filesystem::path AtomicFile::commit_part() {
  path_ = unused_path(path_.string() + ".part");
  commit();
  return path_;
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes, FileSystem& files) {
  AtomicFile file(path, files);
  file.write(bytes);
  file.commit();
}

std::size_t remove_stale_temporaries(const std::filesystem::path& folder) {
  std::size_t removed = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error); !error && entry != end(entry);
       entry.increment(error)) {
    if (!is_temporary_name(entry->path().filename().string())) continue;
    if (!may_write(entry->path())) continue;  // another user's
    const int descriptor = open_lock_file(entry->path(), /*create=*/false);
    if (descriptor < 0) continue;
    const bool dead = try_lock(descriptor, Lock::exclusive) == LockResult::locked;
    if (dead && FileSystem::system().unlink(entry->path()) == 0) ++removed;
    close_file(descriptor);
  }
  return removed;
}

}  // namespace mnist
