// Runs jobs on one background thread, one after the other: for example, it writes files while training continues. Not
// for work that should use several cores.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mnist {

class Background {
 public:
  // If `threaded` is false, `post` runs the job at once and throws the job's exception.
  explicit Background(bool threaded);
  // Runs the remaining jobs. Exceptions of jobs are lost here; call `finish` to get them.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Adds a job. It replaces a job of the same `name` that has not started, so at most one job per name waits. Throws
  // the exception of an earlier job, once; the new job runs nevertheless.
  void post(const std::string& name, std::function<void()> job);

  // Returns when all jobs are done. Throws the exception of an earlier job, once.
  void finish();

 private:
  struct Job {
    std::string name;
    std::function<void()> work;
  };

  void run();
  void rethrow_failure(std::unique_lock<std::mutex>& lock);

  const bool threaded_;
  std::mutex mutex_;  // guards all members below except the thread
  std::condition_variable changed_;
  std::vector<Job> waiting_;
  bool busy_ = false;
  bool stopping_ = false;
  std::exception_ptr failure_;  // the first that is not yet rethrown
  std::thread thread_;
};

}  // namespace mnist
