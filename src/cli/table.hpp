// Tables of text that fit the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mnist/core/text.hpp"

namespace mnist::cli {

struct TableColumn {
  std::string heading;
  Align align = Align::left;
  bool shrinks = false;  // its texts are shortened in the middle if the table is too wide, equal ones equally
};

using TableRow = std::vector<std::string>;  // a cell per column

// Columns of text for a table on stdout: those of the terminal. In a pipe nothing needs to be shortened.
std::size_t table_width();

// The table with its headings, two spaces between columns. Columns that shrink keep at least 8 columns of text, so the
// table can be wider than `width`. Control characters in cells become \xNN.
std::string table_text(const std::vector<TableColumn>& columns, const std::vector<TableRow>& rows, std::size_t width);

}  // namespace mnist::cli
