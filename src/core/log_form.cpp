#include "log_form.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include <spdlog/pattern_formatter.h>

#include "mnist/core/text.hpp"

namespace mnist {
namespace {

// The lines of the Python programs have tabs.
std::string clean(std::string_view line) {
  std::string text;
  for (std::size_t tab = line.find('\t'); tab != std::string_view::npos; tab = line.find('\t')) {
    text += printable(line.substr(0, tab)) + '\t';
    line.remove_prefix(tab + 1);
  }
  return text + printable(line);
}

class LogFileFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    std::string_view rest(message.payload.data(), message.payload.size());
    while (!rest.empty()) {
      const std::string line = clean(rest.substr(0, rest.find('\n')));
      rest.remove_prefix(std::min(rest.size(), rest.find('\n')));
      if (!rest.empty()) rest.remove_prefix(1);
      if (line.empty()) continue;
      spdlog::details::log_msg one = message;
      one.payload = line;
      line_.format(one, out);
    }
  }

  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<LogFileFormatter>(); }

 private:
  // Lines end alike on all systems.
  spdlog::pattern_formatter line_{"%Y-%m-%d %H:%M:%S.%e%z %l %v", spdlog::pattern_time_type::local, "\n"};
};

}  // namespace

std::unique_ptr<spdlog::formatter> log_file_formatter() {
  return std::make_unique<LogFileFormatter>();
}

}  // namespace mnist
