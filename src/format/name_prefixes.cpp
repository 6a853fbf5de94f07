#include "name_prefixes.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace mnist {
namespace {

constexpr std::string_view kDistributed = "module.";
constexpr std::array<std::string_view, 4> kPrefixes{kDistributed, "_orig_mod.", "model.", "net."};

bool is_average_count(const std::pair<std::string, torch::Tensor>& entry) {
  return entry.first == "n_averaged";
}

// Whether all names have the prefix and are longer.
bool is_common(std::string_view prefix, const NamedTensors& state) {
  const auto is_prefixed = [&](const auto& entry) {
    return entry.first.starts_with(prefix) && entry.first.size() > prefix.size();
  };
  return std::ranges::any_of(state, is_prefixed) && std::ranges::all_of(state, [&](const auto& entry) {
           return is_prefixed(entry) || (prefix == kDistributed && is_average_count(entry));
         });
}

}  // namespace

std::string take_off_prefixes(NamedTensors& state) {
  constexpr int kMostStacked = 8;  // limits the time for names that consist only of prefixes
  std::string taken;
  for (int i = 0; i < kMostStacked; ++i) {
    const auto* const prefix =
        std::ranges::find_if(kPrefixes, [&](std::string_view candidate) { return is_common(candidate, state); });
    if (prefix == kPrefixes.end()) break;
    if (*prefix == kDistributed) std::erase_if(state, is_average_count);
    for (auto& entry : state) entry.first.erase(0, prefix->size());
    taken += *prefix;
  }
  return taken;
}

}  // namespace mnist
