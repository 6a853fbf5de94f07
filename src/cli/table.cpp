#include "table.hpp"

#include <algorithm>
#include <optional>

#include "mnist/core/terminal.hpp"

namespace mnist::cli {
namespace {

constexpr std::size_t kGap = 2;

// Limits the columns that shrink to the same width, until the table fits: equal texts stay equal.
void shrink(std::vector<std::size_t>& widths, const std::vector<TableColumn>& columns, std::size_t width) {
  constexpr std::size_t kShortest = 8;
  std::size_t total = kGap * (widths.size() - 1);
  std::size_t limit = kShortest;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    total += widths[i];
    if (columns[i].shrinks) limit = std::max(limit, widths[i]);
  }
  while (total > width && limit > kShortest) {
    --limit;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (!columns[i].shrinks || widths[i] <= limit) continue;
      --widths[i];
      --total;
    }
  }
}

}  // namespace

std::size_t table_width() {
  constexpr std::size_t kUnlimited = 10'000;
  const std::optional<int> width = known_width(Stream::out);
  return width ? static_cast<std::size_t>(*width) : kUnlimited;
}

std::string table_text(const std::vector<TableColumn>& columns, const std::vector<TableRow>& rows, std::size_t width) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    widths.push_back(columns_of(columns[i].heading));
    for (const TableRow& row : rows) widths[i] = std::max(widths[i], columns_of(printable(row[i])));
  }
  shrink(widths, columns, width);
  std::string text;
  const auto add = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) line += std::string(kGap, ' ');
      line += padded(shortened(printable(cell_of(i)), widths[i]), widths[i], columns[i].align);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  };
  add([&](std::size_t i) { return columns[i].heading; });
  for (const TableRow& row : rows) add([&](std::size_t i) { return row[i]; });
  return text;
}

}  // namespace mnist::cli
