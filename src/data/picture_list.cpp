#include "picture_list.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"

namespace mnist {
namespace {

constexpr std::uintmax_t kMostBytes = std::uintmax_t{64} << 20;
constexpr std::size_t kMostColumns = 100;
constexpr std::size_t kMostPictures = 1'000'000;
constexpr std::size_t kMostClasses = 100'000;  // of a model
constexpr std::size_t kLongestList = 200;      // characters of column names in a message
constexpr const char* kColumns = "write `path,label` in the first line, and a picture and its class in each other line";

struct CsvLine {
  std::size_t number = 0;  // of its first line in the file, from 1
  std::vector<std::string> fields;
  std::string fault;  // what is wrong with the row; if set, fields may be missing
};

// Reads CSV (RFC 4180) with any kind of line breaks; skips empty lines.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : remaining_(text) {
    if (remaining_.starts_with("\xef\xbb\xbf")) remaining_.remove_prefix(3);  // byte order mark
  }

  bool next(CsvLine& line) {
    while (!remaining_.empty() && (remaining_.front() == '\n' || remaining_.front() == '\r')) end_line();
    line = {number_, {}, {}};
    if (remaining_.empty()) return false;
    do {
      line.fields.push_back(field(line.fault));
      if (line.fields.size() > kMostColumns) line.fault = fmt::format("has more than {} fields", kMostColumns);
    } while (line.fault.empty() && consume(','));
    if (!remaining_.empty()) end_line();
    return true;
  }

 private:
  bool consume(char expected) {
    if (remaining_.empty() || remaining_.front() != expected) return false;
    remaining_.remove_prefix(1);
    return true;
  }

  void end_line() {
    consume('\r');
    consume('\n');
    ++number_;
  }

  std::string field(std::string& fault) {
    std::string text;
    const bool in_quotes = consume('"');
    bool closed = false;
    while (in_quotes && !closed && !remaining_.empty()) {
      const char c = remaining_.front();
      remaining_.remove_prefix(1);
      closed = c == '"' && !consume('"');  // two quotes stand for one
      if (c == '\n') ++number_;
      if (!closed) text += c;
    }
    const std::size_t end = std::min(remaining_.find_first_of(",\r\n"), remaining_.size());
    if (in_quotes && !closed) fault = "has a quote that is not closed";
    if (in_quotes && closed && end > 0) fault = "has text after a closing quote";
    text += remaining_.substr(0, end);
    remaining_.remove_prefix(end);
    return text;
  }

  std::string_view remaining_;
  std::size_t number_ = 1;
};

// Without blanks at its ends, as after a comma.
std::string trimmed(const std::string& text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

std::size_t column_of(const CsvLine& header, std::string_view name, const std::filesystem::path& file) {
  const auto found = std::ranges::find(header.fields, name);
  if (found == header.fields.end()) {
    std::string columns;
    for (const std::string& field : header.fields) columns += (columns.empty() ? "" : ", ") + quoted_name(field);
    throw data_error(fmt::format("line {} of {} has no column '{}'; its columns: {}", header.number, quoted(file), name,
                                 shortened(columns, kLongestList)),
                     header.fields.size() == 1 ? "separate the columns by commas" : kColumns);
  }
  return static_cast<std::size_t>(found - header.fields.begin());
}

}  // namespace

PhotoFolder read_picture_list(const std::filesystem::path& file) {
  const std::string text = read_file(file, "list of pictures", kMostBytes);
  CsvReader reader(text);
  CsvLine line;
  reader.next(line);
  const std::size_t path_column = column_of(line, "path", file);
  const std::size_t label_column = column_of(line, "label", file);
  const std::size_t columns = line.fields.size();
  std::map<std::string, std::vector<std::filesystem::path>> classes;
  std::map<std::filesystem::path, std::pair<std::string, std::size_t>> seen;  // label and line
  std::size_t count = 0;
  PhotoFolder pictures;
  // A stream is nowhere.
  std::error_code ignored;
  const bool has_folder = file.has_parent_path() && std::filesystem::is_regular_file(file, ignored);
  pictures.dir = has_folder ? file.parent_path() : std::filesystem::path(".");
  while (reader.next(line)) {
    const auto wrong = [&](const std::string& what) {
      return data_error(fmt::format("line {} of {} {}", line.number, quoted(file), what), kColumns);
    };
    if (!line.fault.empty()) throw wrong(line.fault);
    if (++count > kMostPictures) throw wrong(fmt::format("exceeds the limit of {} pictures", kMostPictures));
    if (line.fields.size() != columns)
      throw wrong(
          fmt::format("has {}, not {}", counted(static_cast<std::int64_t>(line.fields.size()), "field"), columns));
    const std::string& path = line.fields[path_column];
    const std::string label = trimmed(line.fields[label_column]);
    if (path.empty() || label.empty()) throw wrong(path.empty() ? "names no picture" : "names no class");
    if (!is_utf8(label)) throw wrong(fmt::format("has the label {}, which is not UTF-8", quoted_name(label)));
    classes[label].push_back(pictures.dir / path);
    if (classes.size() > kMostClasses) throw wrong(fmt::format("exceeds the limit of {} classes", kMostClasses));
    const auto& [first_label, first_line] =
        seen.try_emplace(classes[label].back().lexically_normal(), label, line.number).first->second;
    if (first_label != label) {
      throw data_error(
          fmt::format("{} lists {} as {} in line {} and as {} in line {}", quoted(file), quoted(classes[label].back()),
                      quoted_name(first_label), first_line, quoted_name(label), line.number),
          "keep the line with the right class");
    }
    if (!std::filesystem::is_regular_file(classes[label].back(), ignored)) {
      throw data_error(fmt::format("line {} of {} names {}, which does not exist", line.number, quoted(file),
                                   quoted(classes[label].back())),
                       "paths are relative to the folder of the list");
    }
  }
  if (classes.size() < 2) {
    throw data_error(fmt::format("{} lists pictures of {}: training needs at least two classes", quoted(file),
                                 classes.empty() ? "no class" : "a single class"),
                     classes.empty() ? kColumns : "add pictures of another class");
  }
  for (auto& [label, paths] : classes) {
    std::ranges::sort(paths);
    for (std::filesystem::path& path : paths) {
      pictures.paths.push_back(std::move(path));
      pictures.labels.push_back(static_cast<std::int64_t>(pictures.class_names.size()));
    }
    pictures.class_names.push_back(label);
  }
  return pictures;
}

}  // namespace mnist
