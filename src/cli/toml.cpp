#include "toml.hpp"

#include <algorithm>

#include <fmt/format.h>
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "mnist/core/error.hpp"
#include "mnist/core/text.hpp"

namespace mnist::cli {
namespace {

constexpr const char* kForm = "a line is: key = value, or [section]";
constexpr const char* kText = "a text stands in quotes: key = \"text\"";
constexpr const char* kNumber = "a number is written 3, 0.5 or 1e-3, in at most 120 digits";

[[noreturn]] void refuse(const std::string& source, toml::source_index line, const std::string& what,
                         const std::string& hint = kForm) {
  throw usage_error(fmt::format("{}:{}: {}", printable(source), line, what), hint);
}

// What helps against a mistake that toml++ describes in these words.
std::string hint_for(std::string_view description) {
  struct Advice {
    std::string_view words;
    const char* hint;
  };
  constexpr Advice kAdvice[] = {
      {"escape sequence", R"(write \\ for a backslash, or use single quotes)"},
      {"could not determine value type", kText},
      {"boolean", kText},
      {"string: unescaped control", "close the string with the quote it began with, on the same line"},
      {"existing table", "join the two"},
      {"cannot redefine", "leave one of the two"},
      {"floating-point", kNumber},
      {"decimal integer", kNumber},
      {"numeric value", kNumber},
      {"utf-8", "save the file as UTF-8"},
  };
  const auto* advice = std::ranges::find_if(
      kAdvice, [&](const Advice& each) { return description.find(each.words) != std::string_view::npos; });
  return advice == std::end(kAdvice) ? kForm : advice->hint;
}

toml::table parsed(std::string_view text, const std::string& source) {
  // toml++ frees nested tables by recursion: with 100,000 parts a name such as a.a.a would overflow the stack.
  constexpr std::ptrdiff_t kMostDots = 2000;
  if (std::ranges::count(text, '.') > kMostDots) {
    throw usage_error(fmt::format("{} has more than {} dots", printable(source), with_thousands(kMostDots)),
                      "no option needs them: leave out what belongs elsewhere");
  }
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    std::string_view what = error.description();
    constexpr std::string_view kPreamble = "Error while parsing ";
    if (what.starts_with(kPreamble)) what.remove_prefix(kPreamble.size());
    refuse(source, error.source().begin.line, printable(what), hint_for(what));
  }
}

// Both parts of an entry, in the order of the file: a table has the order of its keys.
std::vector<std::pair<const toml::key*, const toml::node*>> in_order(const toml::table& table) {
  std::vector<std::pair<const toml::key*, const toml::node*>> entries;
  for (const auto& [key, node] : table) entries.emplace_back(&key, &node);
  std::ranges::stable_sort(entries, {}, [](const auto& entry) { return entry.first->source().begin.line; });
  return entries;
}

class Reader {
 public:
  explicit Reader(const std::string& source) : source_(source) {}

  std::vector<TomlEntry> read(const toml::table& root) {
    for (const auto& [key, node] : in_order(root)) {
      const toml::table* section = node->as_table();
      if (section == nullptr) {
        add("", *key, *node);
        continue;
      }
      const std::string name = name_of(*key);
      entries_.push_back({name, "", {}, static_cast<int>(key->source().begin.line)});
      for (const auto& [inner, value] : in_order(*section)) add(name, *inner, *value);
    }
    return std::move(entries_);
  }

 private:
  std::string name_of(const toml::key& key) const {
    if (key.empty()) refuse(source_, key.source().begin.line, "a name is empty");
    return std::string(key.str());
  }

  void add(const std::string& section, const toml::key& key, const toml::node& node) {
    TomlEntry entry{section, name_of(key), {}, static_cast<int>(key.source().begin.line)};
    const std::string name = quoted_name(entry.key);
    const toml::source_index line = key.source().begin.line;
    if (node.is_table()) {
      refuse(source_, line, fmt::format("{} is a table within a section", name), "write its keys below [section]");
    }
    if (node.is_array_of_tables()) {
      refuse(source_, line, fmt::format("{} is a list of tables", name), "write [section] with one pair of brackets");
    }
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& element : *array) entry.values.push_back(text_of(element, name));
    } else {
      entry.values = {text_of(node, name)};
    }
    entries_.push_back(std::move(entry));
  }

  std::string text_of(const toml::node& node, const std::string& name) const {
    if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
    if (const auto* whole = node.as_integer()) return std::to_string(whole->get());
    // With its point: 2.0 is no whole number.
    if (const auto* real = node.as_floating_point()) return fmt::format("{:#}", real->get());
    const toml::source_index line = node.source().begin.line;
    const auto* text = node.as_string();
    if (text == nullptr) {
      refuse(source_, line, fmt::format("{} holds a {}, which no option takes", name, kind_of(node)), kText);
    }
    // The system would take what is before it for the whole name of a file.
    if (text->get().find('\0') != std::string::npos) {
      refuse(source_, line, fmt::format("{} holds a NUL character", name), "take it out");
    }
    return text->get();
  }

  static std::string_view kind_of(const toml::node& node) {
    if (node.is_array()) return "list in a list";
    if (node.is_table()) return "table in a list";
    return node.is_time() ? "time" : "date";
  }

  const std::string& source_;
  std::vector<TomlEntry> entries_;
};

}  // namespace

std::vector<TomlEntry> parse_toml(std::string_view text, const std::string& source) {
  return Reader(source).read(parsed(text, source));
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace mnist::cli
