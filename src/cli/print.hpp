// Results on stdout.
#pragma once

#include <string_view>

namespace mnist::cli {

// Writes `text` to stdout at once, so that a reader of a pipe sees it when it comes about.
// Throws a data `Error` where it cannot be written (full disk, closed): a result is never lost in silence.
void print(std::string_view text);

}  // namespace mnist::cli
