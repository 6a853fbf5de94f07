#include "mnist/core/folder_lock.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>
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
      {"pid", process_id()}, {"host", host_name()}, {"started", utc_time()}, {"command", command}};
  return record.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

// The lock's owner, from the content of the lock file. The owner writes it after locking, so for a moment it may be
// missing or that of the previous owner.
std::string owner_text(int descriptor) try {
  std::array<char, 65536> content{};
  const std::ptrdiff_t count = read_some_at(descriptor, 0, content.data(), content.size());
  const auto record = nlohmann::json::parse(content.data(), content.data() + std::max<std::ptrdiff_t>(count, 0));
  const auto pid = record.at("pid").get<int>();
  const auto host = record.at("host").get<std::string>();
  const bool dead = pid <= 0 || (host == host_name() && !process_exists(pid));
  if (dead) return kNobodyKnown;
  const auto started = record.at("started").get<std::string>();
  return fmt::format("process {} on host {} since {}", pid, printable(host), printable(started));
} catch (const nlohmann::json::exception&) {
  return kNobodyKnown;
}

// Tries several times: a process that checks whether a run is active holds the lock for a moment.
LockResult lock_now(int descriptor) {
  LockResult result = try_lock(descriptor, Lock::exclusive);
  for (int tries = 1; tries < 5 && result == LockResult::busy; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    result = try_lock(descriptor, Lock::exclusive);
  }
  return result;
}

}  // namespace

bool is_locked(const std::filesystem::path& folder) {
  const int descriptor = open_lock_file(folder / ".lock", /*create=*/false);
  if (descriptor < 0) return false;
  const bool locked = try_lock(descriptor, Lock::shared) == LockResult::busy;
  close_file(descriptor);
  return locked;
}

FolderLock::FolderLock(const std::filesystem::path& folder, const std::string& what, const std::string& command,
                       const std::string& hint)
    : path_(folder / ".lock") {
  while (descriptor_ < 0) {
    const int descriptor = open_lock_file(path_, /*create=*/true);
    const LockResult result = descriptor < 0 ? LockResult::failed : lock_now(descriptor);
    if (result != LockResult::locked) {
      const int error = errno;
      const std::string owner = result == LockResult::busy ? owner_text(descriptor) : "";
      if (descriptor >= 0) close_file(descriptor);
      if (!owner.empty()) throw data_error(fmt::format("{} {} is in use by {}", what, quoted(folder), owner), hint);
      unguarded_ = std::generic_category().message(error);
      return;
    }
    if (is_same_file(descriptor, path_)) {
      descriptor_ = descriptor;
    } else {
      close_file(descriptor);
    }
  }
  // If this fails (full disk), only a later message has less information.
  const std::string record = owner_record(command);
  FileSystem& files = FileSystem::system();
  [[maybe_unused]] const bool written = files.truncate(descriptor_, 0) == 0 && write_all(files, descriptor_, record);
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
  if (is_held()) FileSystem::system().unlink(path_);
  close_file(std::exchange(descriptor_, -1));
}

}  // namespace mnist
