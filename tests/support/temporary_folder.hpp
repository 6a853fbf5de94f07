// A temporary folder for a test; removed at its end.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mnist::test {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// Returns the content of a file; fails the test if the file does not exist.
std::string content_of(const std::filesystem::path& path);

// Writes a file and creates its folders.
void write_file(const std::filesystem::path& path, const std::string& content);

// The names of what is in a folder, sorted.
std::vector<std::string> names_in(const std::filesystem::path& folder);

// tests/fixtures/<name>
std::filesystem::path fixture(const std::string& name);

}  // namespace mnist::test
