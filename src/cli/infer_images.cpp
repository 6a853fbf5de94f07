#include "infer_images.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/format/image.hpp"

namespace mnist::cli {

namespace {

using Paths = std::vector<std::filesystem::path>;

bool is_one_of(const Paths& folders, const std::filesystem::path& folder) {
  return std::ranges::any_of(folders, [&](const std::filesystem::path& one) {
    std::error_code ignored;
    return std::filesystem::equivalent(one, folder, ignored);
  });
}

// `depth`: folders below the given one. Linked folders are skipped, because they can form a cycle.
void search(const std::filesystem::path& folder, std::size_t depth, const Paths& outputs, FoundImages& found) {
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (is_hidden(entry->path())) continue;
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      if (entry->is_symlink(ignored)) {
        found.ignored.push_back(entry->path());
      } else if (!is_one_of(outputs, entry->path())) {
        search(entry->path(), depth + 1, outputs, found);
      }
    } else if (has_image_extension(entry->path()) && !entry->is_other(ignored)) {
      found.images.push_back({entry->path(), depth});
    } else {
      found.ignored.push_back(entry->path());
    }
  }
  if (error) {
    found.unreadable.push_back(data_error(fmt::format("cannot read the folder {}: {}", quoted(folder), error.message()),
                                          "check the folder's permissions"));
  }
}

// A picture in the place of the list would give an error for each of its lines.
void check_is_list(std::string_view text, const std::filesystem::path& file) {
  // Of PNG, JPEG, GIF, zip (a model file) and gzip.
  constexpr std::array<std::string_view, 6> kSignatures = {"\x89PNG\r\n", "\xff\xd8\xff", "GIF87a",
                                                           "GIF89a",      "PK\x03\x04",   "\x1f\x8b"};
  if (std::ranges::none_of(kSignatures, [&](std::string_view begin) { return text.starts_with(begin); })) return;
  throw data_error(fmt::format("{} is not a list of files: it begins as a picture or an archive does", quoted(file)),
                   "give a picture with --image; a list has one path per line, as in: ls -d scans/* > list.txt");
}

}  // namespace

FoundImages find_images(const std::filesystem::path& path, const std::vector<std::filesystem::path>& outputs) {
  std::error_code error;
  FoundImages found;
  if (is_stdin(path) || !std::filesystem::is_directory(path, error)) {
    found.images.push_back({path, 0});
    return found;
  }
  search(path, 0, outputs, found);
  if (found.images.empty() && found.unreadable.empty()) {
    found.unreadable.push_back(data_error(fmt::format("folder {} contains no images", quoted(path)),
                                          "image files end in .png, .jpg or .jpeg"));
  }
  std::ranges::sort(found.images, {}, &ImageFile::path);
  std::ranges::sort(found.ignored);
  return found;
}

std::vector<std::filesystem::path> read_file_list(const std::filesystem::path& file) {
  constexpr std::uintmax_t kMostBytes = std::uintmax_t{64} << 20;
  const std::string text = read_file(file, "list of files", kMostBytes);
  check_is_list(text, file);
  const char separator = text.find('\0') == std::string::npos ? '\n' : '\0';
  std::vector<std::filesystem::path> paths;
  const std::size_t first = text.starts_with("\xef\xbb\xbf") ? 3 : 0;  // editors on Windows write it
  for (std::size_t begin = first; begin < text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    std::string_view name = std::string_view(text).substr(begin, end - begin);
    if (separator == '\n' && name.ends_with('\r')) name.remove_suffix(1);
    // In a list, "-" is a file of that name.
    if (!name.empty()) paths.emplace_back(name == "-" ? "./-" : name);
    begin = end + 1;
  }
  if (paths.empty()) {
    throw data_error(fmt::format("list of files {} contains no paths", quoted(file)), "write one path per line");
  }
  return paths;
}

}  // namespace mnist::cli
