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
constexpr const char* kColumns = "the first line is `path,label`, and each further one names a picture and its class";

struct CsvLine {
  std::size_t number = 0;  // of its first line in the file, from 1
  std::vector<std::string> fields;
  std::string fault;  // what is wrong with it; then the fields are not all
};

// RFC 4180, line breaks of any system; empty lines are passed over.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);  // as spreadsheets write it
  }

  bool next(CsvLine& line) {
    while (!rest_.empty() && (rest_.front() == '\n' || rest_.front() == '\r')) end_line();
    line = {number_, {}, {}};
    if (rest_.empty()) return false;
    do {
      line.fields.push_back(field(line.fault));
      if (line.fields.size() > kMostColumns) line.fault = fmt::format("has more than {} fields", kMostColumns);
    } while (line.fault.empty() && take(','));
    if (!rest_.empty()) end_line();
    return true;
  }

 private:
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void end_line() {
    take('\r');
    take('\n');
    ++number_;
  }

  std::string field(std::string& fault) {
    std::string text;
    const bool in_quotes = take('"');
    bool closed = false;
    while (in_quotes && !closed && !rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      closed = c == '"' && !take('"');  // a doubled one stands for one
      if (c == '\n') ++number_;
      if (!closed) text += c;
    }
    const std::size_t end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
    if (in_quotes && !closed) fault = "has a quote that is not closed";
    if (in_quotes && closed && end > 0) fault = "has text behind a closing quote";
    text += rest_.substr(0, end);
    rest_.remove_prefix(end);
    return text;
  }

  std::string_view rest_;
  std::size_t number_ = 1;
};

std::size_t column_of(const CsvLine& header, std::string_view name, const std::filesystem::path& file) {
  const auto found = std::ranges::find(header.fields, name);
  if (found == header.fields.end()) {
    throw data_error(fmt::format("line {} of {} has no column '{}'", header.number, quoted(file), name), kColumns);
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
  std::size_t count = 0;
  PhotoFolder pictures;
  pictures.dir = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  while (reader.next(line)) {
    const auto wrong = [&](const std::string& what) {
      return data_error(fmt::format("line {} of {} {}", line.number, quoted(file), what), kColumns);
    };
    if (!line.fault.empty()) throw wrong(line.fault);
    if (++count > kMostPictures) throw wrong(fmt::format("is one too many: at most {} pictures", kMostPictures));
    if (line.fields.size() != columns) throw wrong(fmt::format("has {} fields, not {}", line.fields.size(), columns));
    const std::string& path = line.fields[path_column];
    const std::string& label = line.fields[label_column];
    if (path.empty() || label.empty()) throw wrong(path.empty() ? "names no picture" : "names no class");
    if (!is_utf8(label)) throw wrong(fmt::format("has the label {}, which is not UTF-8", quoted_name(label)));
    classes[label].push_back(pictures.dir / path);
    if (classes.size() > kMostClasses) throw wrong(fmt::format("has one class too many: at most {}", kMostClasses));
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(classes[label].back(), ignored)) {
      throw wrong(fmt::format("names {}, which is not there", quoted(classes[label].back())));
    }
  }
  if (classes.size() < 2) {
    throw data_error(fmt::format("{} lists pictures of {}: there is nothing to tell apart", quoted(file),
                                 classes.empty() ? "no class" : "a single class"),
                     kColumns);
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
