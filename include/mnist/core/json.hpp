// JSON from files that anyone may have written, read in bounded memory and time: the text is at most 16 MiB, it holds
// at most a million values, it is nested at most 16 deep, and no object has a key twice. Legal headers and recipes of
// this program need a tenth of that. Not for JSON that this program has just made itself: use nlohmann's own parser.
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

// Throws std::invalid_argument with what is wrong, worded to follow a colon: "its JSON is nested more than 16 deep".
nlohmann::json parse_bounded_json(std::string_view text);

// An object's number under that key. Throws std::invalid_argument where it is none, has a fraction or needs more than
// 64 bits (nlohmann would cut it), and nlohmann's exceptions if there is no such key.
std::int64_t whole_number(const nlohmann::json& object, const std::string& key);

// What an exception of nlohmann says, without its class and number in brackets.
std::string_view message_of(const nlohmann::json::exception& error);

}  // namespace mnist
