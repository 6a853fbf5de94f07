// Work that nobody waits for, such as files that are written while training goes on. Not for work that should be spread
// over cores: it is done by one thread, one job after the other.
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
  // `threaded` false: `post` does its job at once, and throws what it throws.
  explicit Background(bool threaded);
  // Does what is left. What a job throws is lost then: `finish` tells it.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // `name` is what the job is about: it takes the place of one of the same name that has not begun, so that no more
  // wait than there are names. Throws what an earlier job has thrown, once; the new one is done nevertheless.
  void post(const std::string& name, std::function<void()> job);

  // Returns when nothing is left to do. Throws what a job has thrown, once.
  void finish();

 private:
  struct Job {
    std::string name;
    std::function<void()> work;
  };

  void run();
  void tell_failure(std::unique_lock<std::mutex>& lock);

  const bool threaded_;
  std::mutex mutex_;  // of all below but the thread
  std::condition_variable changed_;
  std::vector<Job> waiting_;
  bool busy_ = false;
  bool ending_ = false;
  std::exception_ptr failure_;  // the first that has not been told
  std::thread thread_;
};

}  // namespace mnist
