#include "durations.hpp"

#include <algorithm>
#include <cmath>
#include <locale>
#include <optional>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/text.hpp"

namespace mnist::cli {
namespace {

struct Amount {
  double number = 0;
  std::string_view unit;
};

// A positive number and the text after it. Not by std::from_chars, which libc++ has for integers only.
std::optional<Amount> amount_in(std::string_view text) {
  const std::size_t length = std::min(text.find_first_not_of("0123456789."), text.size());
  std::istringstream number{std::string(text.substr(0, length))};
  number.imbue(std::locale::classic());
  Amount amount{.number = 0, .unit = text.substr(length)};
  if (!(number >> amount.number) || !number.eof() || !(amount.number > 0)) return std::nullopt;
  return amount;
}

// Seconds of a unit; 0: not a unit of time.
double seconds_of(std::string_view unit) {
  if (unit == "s") return 1;
  if (unit == "min" || unit == "m") return 60;
  if (unit == "h") return 3600;
  return 0;
}

}  // namespace

double parse_duration(const std::string& option, const std::string& text) {
  const std::optional<Amount> amount = amount_in(text);
  if (amount && seconds_of(amount->unit) > 0) return amount->number * seconds_of(amount->unit);
  throw usage_error(fmt::format("{} must be a positive number with s, min or h, not '{}'", option, printable(text)),
                    "for 50 minutes write 50min");
}

CheckpointPolicy parse_checkpoint_every(const std::string& option, const std::string& text) {
  CheckpointPolicy policy;
  if (const std::optional<Amount> amount = amount_in(text)) {
    const bool whole = amount->number == std::floor(amount->number) && amount->number <= 1e9;
    const auto count = static_cast<std::int64_t>(whole ? amount->number : 0);
    if (amount->unit == "epochs" || amount->unit == "epoch") policy.epochs = count;
    if (amount->unit == "steps" || amount->unit == "step") policy.steps = count;
    policy.seconds = amount->number * seconds_of(amount->unit);
  }
  if (policy.epochs > 0 || policy.steps > 0 || policy.seconds > 0) return policy;
  throw usage_error(fmt::format("{} must be a positive number with its unit, not '{}'", option, printable(text)),
                    "write 1epochs, 500steps, 90s, 10min or 1h");
}

}  // namespace mnist::cli
