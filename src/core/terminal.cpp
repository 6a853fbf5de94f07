#include "mnist/core/terminal.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "mnist/core/open_file.hpp"

#include "terminal_size.hpp"

namespace mnist {

std::optional<int> known_width(Stream stream) {
  if (const TerminalSize size = terminal_size(stream); size.columns > 0) return size.columns;
  constexpr int kNarrowest = 20;
  constexpr int kWidest = 10'000;
  const char* const variable = std::getenv("COLUMNS");
  int columns = 0;
  if (variable != nullptr) std::from_chars(variable, variable + std::strlen(variable), columns);
  return columns >= kNarrowest && columns <= kWidest ? std::optional(columns) : std::nullopt;
}

int terminal_width(Stream stream) {
  constexpr int kUsual = 80;
  return known_width(stream).value_or(kUsual);
}

int terminal_height(Stream stream) {
  return terminal_size(stream).lines;
}

bool is_terminal(Stream stream) {
  return is_terminal(descriptor_of(stream));
}

bool is_pipe(Stream stream) {
  const auto status = status_of(descriptor_of(stream));
  return status && (status->type == FileType::pipe || status->type == FileType::socket);
}

void write_to_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace mnist
