#include "help.hpp"

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/terminal.hpp"

#include "describe.hpp"

namespace mnist::cli {
namespace {

constexpr int kRowIndent = 2;
constexpr int kDescriptionColumn = 34;

// At most the width of the terminal; of the terminal behind a pager, which stderr still shows.
std::size_t help_width() {
  constexpr int kNarrowest = 60;
  std::optional<int> width = known_width(Stream::out);
  if (!width) width = known_width(Stream::err);
  return static_cast<std::size_t>(std::clamp(width.value_or(kHelpWidth), kNarrowest, kHelpWidth));
}

// The words after `line`, folded to the width of the help; further lines are indented by as much as `line` takes.
void add_folded(std::string& out, std::string line, const std::string& text) {
  const std::size_t width = help_width();
  const std::size_t indent = line.size();
  bool empty = true;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!empty && line.size() + 1 + word.size() > width) {
      out += line + "\n";
      line.assign(indent, ' ');
      empty = true;
    }
    if (!empty) line += ' ';
    line += word;
    empty = false;
  }
  out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

// Two columns; the right one is wrapped. If the left text is too long, the right one starts on the next line.
void add_row(std::string& out, const std::string& left, const std::string& right) {
  std::string line = std::string(kRowIndent, ' ') + left;
  if (line.size() + 2 > kDescriptionColumn) {
    out += line + "\n";
    line.clear();
  }
  line.resize(kDescriptionColumn, ' ');
  add_folded(out, std::move(line), right);
}

// As it is if it fits. Else its lines are folded, paragraphs as a whole; those that begin with four blanks are there to
// be copied, and stay as they are.
void add_footer(std::string& out, const std::string& footer) {
  constexpr std::size_t kCopied = 4;
  std::vector<std::string> lines;
  std::istringstream stream(footer);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  const bool fits = std::ranges::all_of(lines, [](const std::string& line) { return line.size() <= help_width(); });
  std::string paragraph;
  const auto end_paragraph = [&] {
    if (!paragraph.empty()) add_folded(out, "", paragraph);
    paragraph.clear();
  };
  for (const std::string& line : lines) {
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    if (!fits && indent == 0 && !line.empty()) {
      paragraph += line + " ";
      continue;
    }
    end_paragraph();
    if (fits || line.empty() || indent >= kCopied) {
      out += line + "\n";
    } else {
      add_folded(out, std::string(indent, ' '), line);
    }
  }
  end_paragraph();
}

void add_section(std::string& out, const OptionSection& section) {
  out += fmt::format("\n{}:\n", section.title);
  for (const CLI::Option* option : section.options) add_row(out, option_syntax(*option), option_details(*option));
}

}  // namespace

std::string HelpFormatter::make_help(const CLI::App* app, std::string /*name*/, CLI::AppFormatMode /*mode*/) const {
  std::string out = fmt::format("{}\n\nUsage: {}\n", app->get_description(), usage_text(*app));
  const std::vector<const CLI::App*> commands = commands_of(*app);
  if (!commands.empty()) {
    out += "\nCommands:\n";
    for (const CLI::App* command : commands) add_row(out, command->get_name(), command->get_description());
  }
  for (const OptionSection& section : option_sections(*app)) add_section(out, section);
  add_section(out, general_options(*app));
  const std::string footer = own_footer(*app);
  if (!footer.empty()) add_footer(out += "\n", footer);
  return out;
}

}  // namespace mnist::cli
