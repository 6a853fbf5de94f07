#include "class_names.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/json.hpp"
#include "mnist/core/text.hpp"

#include "options.hpp"

namespace mnist::cli {
namespace {

using PlainJson = nlohmann::json;

struct ClassNames {
  std::vector<std::string> names;
  std::vector<std::string> ids;  // the first entry of each name's list; empty if it is the name
};

constexpr const char* kForms =
    "write one name per line, or JSON: [\"ants\", \"bees\"] or {\"0\": \"ants\", \"1\": \"bees\"}";

void add_name(ClassNames& classes, const PlainJson& name) {
  const std::size_t number = classes.names.size();
  const bool is_list = name.is_array() && !name.empty();
  const PlainJson& last = is_list ? name.back() : name;
  const PlainJson& first = is_list ? name.front() : name;
  if (!last.is_string() || !first.is_string()) {
    throw std::invalid_argument(fmt::format("it has no name for class {}", number));
  }
  classes.names.push_back(last.get<std::string>());
  classes.ids.push_back(first.get<std::string>());
}

// Inverts {"ants": 0, "bees": 1}, the form of torchvision's `class_to_idx`.
PlainJson by_number(const PlainJson& object) {
  PlainJson turned = PlainJson::object();
  for (const auto& [name, number] : object.items()) {
    const std::string key = std::to_string(whole_number(object, name));
    if (turned.contains(key)) throw std::invalid_argument(fmt::format("it has two names for class {}", key));
    turned[key] = name;
  }
  return turned;
}

ClassNames from_json(std::string_view text) {
  PlainJson json = parse_bounded_json(text);
  ClassNames classes;
  if (json.is_array()) {
    for (const PlainJson& name : json) add_name(classes, name);
    return classes;
  }
  if (std::ranges::all_of(json, [](const PlainJson& value) { return value.is_number(); })) json = by_number(json);
  for (std::size_t number = 0; number < json.size(); ++number) {
    const auto name = json.find(std::to_string(number));
    if (name == json.end()) {
      throw std::invalid_argument(fmt::format("it has {}, but none for class {} (numbers start at 0)",
                                              counted(std::ssize(json), "name"), number));
    }
    add_name(classes, *name);
  }
  return classes;
}

// Ignores empty lines at the end.
ClassNames from_lines(std::string_view text) {
  ClassNames classes;
  constexpr std::size_t kMostNames = 200'000;  // twice those of a model
  while (!text.empty() && classes.names.size() < kMostNames) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    classes.names.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  while (!classes.names.empty() && classes.names.back().empty()) classes.names.pop_back();
  classes.ids = classes.names;
  return classes;
}

ClassNames read_class_names(const std::filesystem::path& file) {
  const std::string content = read_file(file, "list of classes", kMaxJsonBytes);
  std::string_view text = content;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // written by editors on Windows
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const bool is_json = begin < text.size() && (text[begin] == '[' || text[begin] == '{');
  try {
    ClassNames classes = is_json ? from_json(text) : from_lines(text);
    for (std::size_t i = 0; i < classes.names.size(); ++i) {
      if (classes.names[i].empty()) throw std::invalid_argument(fmt::format("the name of class {} is empty", i));
      if (!is_utf8(classes.names[i])) throw std::invalid_argument(fmt::format("the name of class {} is not UTF-8", i));
    }
    return classes;
  } catch (const std::invalid_argument& error) {
    throw data_error(fmt::format("list of classes {}: {}", quoted(file), error.what()), kForms);
  }
}

}  // namespace

CLI::Option* add_classes(CLI::App& app, std::filesystem::path& value) {
  return not_empty(app.add_option("--classes", value,
                                  "file with class names, one per line or as JSON, to use instead of the model's"))
      ->type_name("FILE");
}

void name_classes(LoadedModel& model, const std::filesystem::path& model_file, const std::filesystem::path& file,
                  spdlog::logger& log) {
  if (file.empty()) return;
  ClassNames classes = read_class_names(file);
  const std::size_t outputs = model.recipe.class_names.size();
  if (classes.names.size() != outputs) {
    throw data_error(
        fmt::format("{} has {}, but {} has {}", quoted(file), counted(std::ssize(classes.names), "class name"),
                    quoted(model_file), counted(static_cast<std::int64_t>(outputs), "output")),
        "give one name per output, in the order of the outputs");
  }
  std::vector<std::string> sorted = classes.names;
  std::ranges::sort(sorted);
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end()) {
    log.warn("{} names two classes {}; only the order of the classes tells them apart", quoted(file),
             quoted_name(*twice));
  }
  // A folder of pictures is compared with these.
  const bool renames = model.names_its_classes && classes.ids == classes.names;
  model.class_ids = renames ? model.recipe.class_names : std::move(classes.ids);
  model.recipe.class_names = std::move(classes.names);
  model.names_its_classes = true;
}

}  // namespace mnist::cli
