#include "mnist/core/files.hpp"

#include <string>
#include <system_error>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/text.hpp"

namespace mnist {

std::string quoted(const std::filesystem::path& path) {
  return fmt::format("'{}'", printable(path.string()));
}

std::string read_file(const std::filesystem::path& path, std::string_view what, std::uintmax_t max_bytes) {
  InputFile file(path, what);
  if (file.size() > max_bytes) {
    throw data_error(
        fmt::format("{} {} is too large: {} bytes, the limit is {}", what, quoted(path), file.size(), max_bytes),
        "is this the right file?");
  }
  std::string content(file.size(), '\0');
  content.resize(file.read(content.data(), content.size()));
  return content;
}

bool is_hidden(const std::filesystem::path& path) {
  return path.filename().string().starts_with('.');
}

std::filesystem::path unused_path(const std::filesystem::path& begin, const std::string& ending) {
  std::error_code ignored;
  std::filesystem::path name = begin.string() + ending;
  for (int number = 2; std::filesystem::exists(std::filesystem::symlink_status(name, ignored)); ++number) {
    name = begin.string() + std::to_string(number) + ending;
  }
  return name;
}

bool make_folder(const std::filesystem::path& path, const std::string& hint) {
  std::error_code error;
  const bool is_new = std::filesystem::create_directories(path, error);
  if (error) throw data_error(fmt::format("cannot create the folder {}: {}", quoted(path), error.message()), hint);
  return is_new;
}

}  // namespace mnist
