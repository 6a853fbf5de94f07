#pragma once

#include "mnist/core/open_file.hpp"
#include "mnist/core/terminal.hpp"

namespace mnist {

inline int descriptor_of(Stream stream) {
  return stream == Stream::out ? kStdout : kStderr;
}

struct TerminalSize {
  int columns = 0;  // 0: no terminal, or unknown
  int lines = 0;
};

TerminalSize terminal_size(Stream stream);

}  // namespace mnist
