#include "table.hpp"

#include <algorithm>

namespace mnist::cli {
namespace {

constexpr std::size_t kGap = 2;

// Takes columns of text from the widest columns that shrink, until the table fits.
void shrink(std::vector<std::size_t>& widths, const std::vector<TableColumn>& columns, std::size_t width) {
  constexpr std::size_t kShortest = 8;
  std::size_t total = kGap * (widths.size() - 1);
  for (const std::size_t one : widths) total += one;
  for (; total > width; --total) {
    std::size_t* widest = nullptr;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (columns[i].shrinks && widths[i] > kShortest && (widest == nullptr || widths[i] > *widest))
        widest = &widths[i];
    }
    if (widest == nullptr) return;
    --*widest;
  }
}

}  // namespace

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
