#include "mnist/core/folder_lock.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/file_system.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/text.hpp"

namespace mnist {
namespace {

constexpr const char* kNobodyKnown = "another process";

std::string owner_record(const std::string& command) {
  const nlohmann::ordered_json record = {
      {"pid", ::getpid()}, {"host", host_name()}, {"started", utc_time()}, {"command", command}};
  return record.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

// The lock's owner, from the content of the lock file. The owner writes it after locking, so for a moment it may be
// missing or that of the previous owner.
std::string owner_text(int descriptor) try {
  std::array<char, 65536> content{};
  const ssize_t count = ::pread(descriptor, content.data(), content.size(), 0);
  const auto record = nlohmann::json::parse(content.data(), content.data() + std::max<ssize_t>(count, 0));
  const auto pid = record.at("pid").get<pid_t>();
  const auto host = record.at("host").get<std::string>();
  const bool dead = pid <= 0 || (host == host_name() && ::kill(pid, 0) != 0 && errno == ESRCH);
  if (dead) return kNobodyKnown;
  const auto started = record.at("started").get<std::string>();
  return fmt::format("process {} on host {} since {}", pid, printable(host), printable(started));
} catch (const nlohmann::json::exception&) {
  return kNobodyKnown;
}

// Whether `path` still names the file of `descriptor`: its owner removes it when it releases the lock, and others may
// remove the whole folder.
bool is_same_file(int descriptor, const std::filesystem::path& path) {
  struct stat open {};
  struct stat named {};
  return ::fstat(descriptor, &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_dev == named.st_dev &&
         open.st_ino == named.st_ino;
}

// Another user's file may be read-only, but can still be locked.
int open_lock(const std::filesystem::path& path) {
  constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW;
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | kFlags, 0666);
  return descriptor < 0 && errno == EACCES ? ::open(path.c_str(), O_RDONLY | kFlags) : descriptor;
}

// Tries several times: a process that checks whether a run is active holds the lock for a moment.
int lock_now(int descriptor) {
  int result = -1;
  for (int tries = 0; tries < 5; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    result = retry_if_interrupted([&] { return ::flock(descriptor, LOCK_EX | LOCK_NB); });
    if (result == 0 || errno != EWOULDBLOCK) break;
  }
  return result;
}

}  // namespace

bool is_locked(const std::filesystem::path& folder) {
  const int descriptor = ::open((folder / ".lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return false;
  const bool locked =
      retry_if_interrupted([&] { return ::flock(descriptor, LOCK_SH | LOCK_NB); }) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  return locked;
}

FolderLock::FolderLock(const std::filesystem::path& folder, const std::string& what, const std::string& command,
                       const std::string& hint)
    : path_(folder / ".lock") {
  while (descriptor_ < 0) {
    const int descriptor = open_lock(path_);
    if (descriptor < 0 || lock_now(descriptor) != 0) {
      const int error = errno;
      const std::string owner = error == EWOULDBLOCK && descriptor >= 0 ? owner_text(descriptor) : "";
      if (descriptor >= 0) ::close(descriptor);
      if (!owner.empty()) throw data_error(fmt::format("{} {} is in use by {}", what, quoted(folder), owner), hint);
      unguarded_ = std::generic_category().message(error);
      return;
    }
    if (is_same_file(descriptor, path_)) {
      descriptor_ = descriptor;
    } else {
      ::close(descriptor);
    }
  }
  // If this fails (full disk), only a later message has less information.
  const std::string record = owner_record(command);
  [[maybe_unused]] const bool written =
      ::ftruncate(descriptor_, 0) == 0 && ::write(descriptor_, record.data(), record.size()) > 0;
}

FolderLock::~FolderLock() {
  release();
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      unguarded_(std::move(other.unguarded_)) {}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  if (this == &other) return *this;
  release();
  path_ = std::move(other.path_);
  descriptor_ = std::exchange(other.descriptor_, -1);
  unguarded_ = std::move(other.unguarded_);
  return *this;
}

bool FolderLock::is_held() const {
  return descriptor_ >= 0 && is_same_file(descriptor_, path_);
}

void FolderLock::release() {
  if (descriptor_ < 0) return;
  // Remove it while it is locked: a process that has already opened it detects that the path names another file.
  if (is_held()) ::unlink(path_.c_str());
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace mnist
