#include "durations.hpp"

#include <charconv>
#include <cmath>
#include <optional>
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

// A positive number and the text after it.
std::optional<Amount> amount_in(std::string_view text) {
  Amount amount;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, amount.number, std::chars_format::fixed);
  if (error != std::errc() || !(amount.number > 0) || !std::isfinite(amount.number)) return std::nullopt;
  amount.unit = text.substr(static_cast<std::size_t>(rest - text.data()));
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
