// What becomes of a file that has the name of a new page (`mnist report`).
#pragma once

#include <filesystem>
#include <string>

#include <spdlog/logger.h>

namespace mnist::cli {

class OldPage {
 public:
  // Tells what becomes of the file at `path`, if there is one: a page of the same model or run is replaced, another
  // file is kept under another name. `mark`: a text that only pages of the same model or run contain.
  OldPage(std::filesystem::path path, const std::string& mark, spdlog::logger& log);

  // Gives a file that is kept its other name. To be called before the new page is written. Throws a data `Error` if
  // that fails.
  void make_room() const;

 private:
  std::filesystem::path path_;
  std::filesystem::path kept_;  // its other name; empty: it may be replaced
};

}  // namespace mnist::cli
