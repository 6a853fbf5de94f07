#include "print.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "mnist/core/error.hpp"

namespace mnist::cli {

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  throw data_error("cannot write to stdout: " + std::generic_category().message(errno), "is the disk full?");
}

}  // namespace mnist::cli
