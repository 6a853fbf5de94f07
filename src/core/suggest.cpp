#include "mnist/core/suggest.hpp"

#include <algorithm>
#include <iterator>
#include <map>

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

// What words of other programs, and short forms, are called here: values and options.
const std::multimap<std::string, std::string> kOtherWords = {
    {"no", "off"},
    {"no", "never"},
    {"no", "none"},
    {"false", "off"},
    {"false", "never"},
    {"0", "off"},
    {"none", "off"},
    {"yes", "on"},
    {"yes", "always"},
    {"true", "on"},
    {"true", "always"},
    {"1", "on"},
    {"gpu", "cuda"},
    {"gpu", "device"},
    {"validation", "val"},
    {"learning-rate", "lr"},
    {"learning_rate", "lr"},
    {"data", "data-dir"},
    {"workers", "threads"},
    {"num-workers", "threads"},
    {"num_workers", "threads"},
    {"b", "batch-size"},
    {"d", "data-dir"},
    {"e", "epochs"},
    {"j", "threads"},
    {"m", "model"},
    {"o", "output"},
    {"q", "quiet"},
    {"v", "verbose"},
    {"v", "version"},
};

using Names = std::vector<std::string>;

Names other_words(const std::string& name, const Names& candidates) {
  Names found;
  const auto [begin, end] = kOtherWords.equal_range(name);
  for (auto word = begin; word != end; ++word) {
    if (std::ranges::count(candidates, word->second) > 0) found.push_back(word->second);
  }
  return found;
}

Names longer_names(const std::string& name, const Names& candidates) {
  constexpr std::size_t kShortestBeginning = 4;
  Names found;
  if (name.size() < kShortestBeginning) return found;
  std::ranges::copy_if(candidates, std::back_inserter(found),
                       [&](const std::string& candidate) { return lower_case(candidate).starts_with(name); });
  return found;
}

Names similar_name(const std::string& name, const Names& candidates) {
  Names best;
  // A third of the letters may be wrong; in a short name, one.
  std::size_t limit = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t edits = distance(name, lower_case(candidate));
    if (edits < limit && edits < candidate.size()) {
      limit = edits;
      best = {candidate};
    }
  }
  return best;
}

Names shorter_name(const std::string& name, const Names& candidates) {
  constexpr std::size_t kShortestBeginning = 3;
  Names best;
  std::size_t longest = std::max(kShortestBeginning, (name.size() + 1) / 2) - 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() <= longest || !name.starts_with(lower_case(candidate))) continue;
    longest = candidate.size();
    best = {candidate};
  }
  return best;
}

}  // namespace

std::vector<std::string> likely(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr std::size_t kLongest = 100;
  if (name.size() > kLongest) return {};  // no candidate is near, and the comparison would be slow
  const std::string lower = lower_case(name);
  for (const auto& find : {other_words, longer_names, similar_name, shorter_name}) {
    if (Names found = find(lower, candidates); !found.empty()) return found;
  }
  return {};
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  const Names found = likely(name, candidates);
  return found.size() == 1 ? found.front() : "";
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates, const char* dashes) {
  std::string names;
  const Names found = likely(name, candidates);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (i > 0) names += i + 1 == found.size() ? " or " : ", ";
    names += fmt::format("'{}{}'", dashes, found[i]);
  }
  return names.empty() ? "" : fmt::format("did you mean {}?", names);
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  std::string hint = did_you_mean(name, candidates);
  return hint.empty() ? fmt::format("choose one of: {}", fmt::join(candidates, ", ")) : hint;
}

std::size_t index_of(const std::string& name, const std::vector<std::string>& names, const char* what) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  throw usage_error(fmt::format("there is no {} '{}'", what, name), suggestion(name, names));
}

}  // namespace mnist
