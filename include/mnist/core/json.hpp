// A parser for JSON from untrusted files, with bounded memory and time. Limits: 16 MiB of text, a million values, 16
// levels of nesting, no key twice in an object. Valid headers and recipes need a tenth of that. For JSON that this
// program has just written, use nlohmann's own parser.
//
// For modules that link nlohmann_json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace mnist {

inline constexpr std::size_t kMaxJsonBytes = std::size_t{16} << 20;

// Throws std::invalid_argument if the text is not JSON or exceeds a limit. The message is worded to follow a colon:
// "its JSON is nested more than 16 deep".
nlohmann::json parse_bounded_json(std::string_view text);

// Returns the integer under `key`. Throws std::invalid_argument if it is not a number, has a fraction or needs more
// than 64 bits (nlohmann would truncate it); throws nlohmann's exception if the key is missing.
std::int64_t whole_number(const nlohmann::json& object, const std::string& key);

// The message of a nlohmann exception without its class and number in brackets.
std::string_view message_of(const nlohmann::json::exception& error);

}  // namespace mnist
