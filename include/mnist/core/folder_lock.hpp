// Exclusive use of a folder: an advisory lock (flock) on the file `.lock` in it. The system releases the lock when the
// process ends, also if it is killed; the file may remain, and the next owner reuses it. Programs that do not check the
// lock are not kept out.
#pragma once

#include <filesystem>
#include <string>

namespace mnist {

class FolderLock {
 public:
  // Locks the folder without waiting, and writes its owner to `.lock`: a JSON object with pid, host, started and
  // command. `what`: the role of the folder in the message ("run directory"); `hint`: what to do if the folder is
  // locked. Throws a data `Error` if another `FolderLock` holds it, in this process or another: "run directory
  // 'runs/cnn-1' is in use by process 4711 on host node7 since 2026-11-21T10:25:03Z".
  FolderLock(const std::filesystem::path& folder, const std::string& what, const std::string& command,
             const std::string& hint);
  // Releases the lock. Removes the file, unless another process owns it now.
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;

  // Whether this object still locks the folder. False if the folder or the file was removed or moved (another process
  // can then lock a new one), and false if the folder could not be locked (`unguarded`).
  bool is_held() const;

  // Empty if the folder is locked; otherwise the reason why it could not be locked: some network file systems have no
  // locks, or the disk is full. Show it to the user: the work continues, and a second process is not kept out.
  const std::string& unguarded() const { return unguarded_; }

 private:
  void release();

  std::filesystem::path path_;  // of the lock file
  int descriptor_ = -1;         // open while this object holds the lock
  std::string unguarded_;
};

// Whether a `FolderLock` holds the folder, in this process or another. Changes nothing. False if the file system has no
// locks.
bool is_locked(const std::filesystem::path& folder);

}  // namespace mnist
