#include "mnist/core/suggest.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/text.hpp"

namespace mnist {
namespace {

// Edits from `a` to `b`: insert, delete, replace, swap of two neighbours (optimal string alignment).
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> edits(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) edits[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) edits[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = edits[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      edits[i][j] = std::min({edits[i - 1][j] + 1, edits[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        edits[i][j] = std::min(edits[i][j], edits[i - 2][j - 2] + 1);
      }
    }
  }
  return edits[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr std::size_t kLongest = 100;
  if (name.size() > kLongest) return "";  // no candidate is near, and the comparison would be slow
  // A prefix of exactly one name,
  constexpr std::size_t kShortestBeginning = 4;
  const auto begins = [&](const std::string& candidate) { return lower_case(candidate).starts_with(lower_case(name)); };
  if (name.size() >= kShortestBeginning && std::ranges::count_if(candidates, begins) == 1) {
    return *std::ranges::find_if(candidates, begins);
  }
  // or a similar name.
  std::string best;
  // A third of the letters may be wrong; in a short name, one.
  std::size_t limit = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t edits = distance(lower_case(name), lower_case(candidate));
    if (edits < limit && edits < candidate.size()) {
      limit = edits;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string best = nearest(name, candidates);
  return best.empty() ? fmt::format("choose one of: {}", fmt::join(candidates, ", "))
                      : fmt::format("did you mean '{}'?", best);
}

std::size_t index_of(const std::string& name, const std::vector<std::string>& names, const char* what) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  throw usage_error(fmt::format("there is no {} '{}'", what, name), suggestion(name, names));
}

}  // namespace mnist
