// File systems with fault injection: calls fail as a test requests it.
#pragma once

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "mnist/core/file_system.hpp"

namespace mnist::test {

// Counts the calls that change something. `count` calls from number `first` on fail with `error`. A failing `close`
// closes the descriptor, as in POSIX. With `short_writes` every `write` writes only half of the bytes.
class FaultyFiles : public FileSystem {
 public:
  FaultyFiles() = default;
  FaultyFiles(int first, int count, int error, bool short_writes = false)
      : first_(first), count_(count), error_(error), short_writes_(short_writes) {}

  int open(const std::filesystem::path& path, OpenFor purpose, unsigned permissions) override {
    if (fails("open")) return -1;
    const int descriptor = FileSystem::open(path, purpose, permissions);
    if (descriptor >= 0) open_.insert(descriptor);
    return descriptor;
  }
  std::ptrdiff_t write(int descriptor, const void* bytes, std::size_t count) override {
    if (short_writes_) count = std::max<std::size_t>(1, count / 2);
    return fails("write") ? -1 : FileSystem::write(descriptor, bytes, count);
  }
  int fsync(int descriptor) override { return fails("fsync") ? -1 : FileSystem::fsync(descriptor); }
  int truncate(int descriptor, std::uintmax_t size) override {
    return fails("truncate") ? -1 : FileSystem::truncate(descriptor, size);
  }
  int close(int descriptor) override {
    if (open_.erase(descriptor) != 1) wrong_closes_++;
    const bool fail = fails("close");
    const int result = FileSystem::close(descriptor);
    if (fail) errno = error_;
    return fail ? -1 : result;
  }
  int rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return fails("rename") ? -1 : FileSystem::rename(from, to);
  }
  int unlink(const std::filesystem::path& path) override { return fails("unlink") ? -1 : FileSystem::unlink(path); }

  // The names of the calls so far.
  const std::vector<std::string>& calls() const { return calls_; }
  // Whether every opened descriptor was closed exactly once.
  bool all_closed() const { return open_.empty() && wrong_closes_ == 0; }

 private:
  bool fails(const char* call) {
    const int number = static_cast<int>(calls_.size());
    calls_.emplace_back(call);
    const bool fail = number >= first_ && number - first_ < count_;
    if (fail) errno = error_;
    return fail;
  }

  int first_ = std::numeric_limits<int>::max();
  int count_ = 0;
  int error_ = 0;
  bool short_writes_ = false;
  int wrong_closes_ = 0;
  std::set<int> open_;
  std::vector<std::string> calls_;
};

// A disk that is full for certain files or folders: writes to them and renames to them fail with ENOSPC. Thread-safe.
class FullDisk : public FileSystem {
 public:
  // From now on the disk is full for `place`, a file or a folder.
  void fill(const std::filesystem::path& place) {
    const std::lock_guard lock(mutex_);
    full_.insert(place);
  }
  void make_room() {
    const std::lock_guard lock(mutex_);
    full_.clear();
  }
  // Waits until a call for `place` has failed.
  void wait_for_failure(const std::filesystem::path& place) {
    std::unique_lock lock(mutex_);
    failed_.wait(lock, [&] { return refused_.contains(place); });
  }

  int open(const std::filesystem::path& path, OpenFor purpose, unsigned permissions) override {
    const int descriptor = FileSystem::open(path, purpose, permissions);
    const std::lock_guard lock(mutex_);
    if (descriptor >= 0) paths_[descriptor] = path;
    return descriptor;
  }
  std::ptrdiff_t write(int descriptor, const void* bytes, std::size_t count) override {
    return has_room_for(path_of(descriptor)) ? FileSystem::write(descriptor, bytes, count) : -1;
  }
  int rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return has_room_for(to) ? FileSystem::rename(from, to) : -1;
  }

 private:
  std::filesystem::path path_of(int descriptor) {
    const std::lock_guard lock(mutex_);
    return paths_[descriptor];
  }
  bool has_room_for(const std::filesystem::path& path) {
    const std::lock_guard lock(mutex_);
    for (const std::filesystem::path& place : full_) {
      if (std::ranges::mismatch(place, path).in1 != place.end()) continue;
      refused_.insert(place);
      failed_.notify_all();
      errno = ENOSPC;
      return false;
    }
    return true;
  }

  std::mutex mutex_;  // guards all members below
  std::condition_variable failed_;
  std::set<std::filesystem::path> full_;
  std::set<std::filesystem::path> refused_;
  std::map<int, std::filesystem::path> paths_;  // by descriptor
};

}  // namespace mnist::test
