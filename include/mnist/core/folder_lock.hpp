// One owner of a folder: an advisory lock (flock) on the file `.lock` in it. It ends with its process, however that
// ends: a killed one leaves the file, and the next owner takes it over. Not a protection against programs that do not
// ask.
#pragma once

#include <filesystem>
#include <string>

namespace mnist {

class FolderLock {
 public:
  // Takes the lock, without waiting, and writes into `.lock` who has it: one JSON object with pid, host, started and
  // command. `what` is the role of the folder in the message ("run directory"), `hint` what to do if it is taken.
  // Throws a data `Error` if another lock has it, in this process or in another one: "run directory 'runs/cnn-1' is in
  // use by process 4711 on host node7 since 2026-11-21T10:25:03Z".
  FolderLock(const std::filesystem::path& folder, const std::string& what, const std::string& command,
             const std::string& hint);
  // Gives the lock back, and removes the file unless it is another owner's by now.
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;

  // Whether this is still the folder's lock. Not after the folder or the file was removed or moved: then another may
  // take the lock of a new one. Never if it is unguarded.
  bool is_held() const;

  // Empty if the folder is locked; else why it could not be, to be told to the user: some network file systems have no
  // locks, and a full disk has no room for the file. The work goes on, and nothing keeps a second process away.
  const std::string& unguarded() const { return unguarded_; }

 private:
  void release();

  std::filesystem::path path_;  // of the lock file
  int descriptor_ = -1;         // open as long as this has the lock
  std::string unguarded_;
};

}  // namespace mnist
