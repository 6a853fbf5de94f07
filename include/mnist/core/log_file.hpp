// The log file of a run directory: rows with times that a resumed run continues where its checkpoint was. Not for a log
// that several processes write to: that is `LogOptions::file`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include <spdlog/sinks/base_sink.h>

#include "mnist/core/append_file.hpp"

namespace mnist {

// A line that cannot be written (full disk) is lost for the file, and stderr says so, once until one can be written
// again; the program goes on.
class LogFile : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Throws a data `Error` if the file cannot be opened, or is there and is no log.
  explicit LogFile(const std::filesystem::path& path, FileSystem& files = FileSystem::system());

  // As those of `AppendFile`.
  std::uintmax_t size();
  void truncate(std::uintmax_t size);

  // Opens the file anew if the path does not name it any more, because it or its folder was removed or moved; the first
  // line says so. Throws nothing: lines are lost until a later call can open it.
  void renew();

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  std::string formatted(const spdlog::details::log_msg& message);

  std::filesystem::path path_;
  FileSystem& files_;
  std::unique_ptr<AppendFile> file_;
  bool failing_ = false;
};

}  // namespace mnist
