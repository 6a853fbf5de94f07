#include "colors.hpp"

#include <cstdlib>
#include <string_view>

namespace mnist::cli {

bool is_interactive(Stream stream) {
  const char* term = std::getenv("TERM");
  return is_terminal(stream) && (term == nullptr || std::string_view(term) != "dumb");
}

bool use_color(const std::string& mode, Stream stream) {
  if (mode != "auto") return mode == "always";
  const char* no_color = std::getenv("NO_COLOR");
  return is_interactive(stream) && (no_color == nullptr || *no_color == '\0');
}

}  // namespace mnist::cli
