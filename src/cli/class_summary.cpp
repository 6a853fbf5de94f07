#include "class_summary.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/text.hpp"

namespace mnist::cli {

void ClassSummary::add(const Prediction& prediction) {
  const bool asked = !prediction.top.empty();
  const double probability = asked ? prediction.top.front().probability : 0;
  if (!prediction.reason.empty()) return add(none_, {probability, prediction.path, answer(prediction)});
  Row& row = rows_[prediction.top.front().index];
  row.name = prediction.top.front().name;
  add(row, {probability, prediction.path, ""});
}

// Keeps only the examples that are shown: there may be millions of images.
void ClassSummary::add(Row& row, Example example) const {
  ++row.count;
  row.probability += example.probability;
  const auto place = std::ranges::upper_bound(row.examples, example.probability, {},
                                              [](const Example& one) { return one.probability; });
  row.examples.insert(place, std::move(example));
  if (row.examples.size() > examples_) row.examples.pop_back();
}

std::string ClassSummary::text() const {
  constexpr std::size_t kWidest = 40;  // columns
  std::size_t width = std::string_view("class").size();
  for (const auto& [index, row] : rows_) width = std::max(width, columns_of(printable(row.name)));
  width = std::min(width, kWidest);
  const auto cell = [&](const std::string& name) { return padded(shortened(printable(name), width), width); };
  std::string text = fmt::format("{}  {:>10}  mean probability\n", cell("class"), items_);
  const auto number = [](std::int64_t count) { return with_thousands(count); };
  for (const auto& [index, row] : rows_) {
    text += fmt::format("{}  {:>10}  {:>16.4f}\n", cell(row.name), number(row.count),
                        row.probability / static_cast<double>(row.count));
  }
  if (none_.count > 0) text += fmt::format("{}  {:>10}  {:>16}\n", cell(none_.name), number(none_.count), "-");
  for (const auto& [index, row] : rows_) text += examples_of(row);
  return text + examples_of(none_);
}

std::string ClassSummary::examples_of(const Row& row) const {
  if (row.examples.empty()) return "";
  const bool all = static_cast<std::size_t>(row.count) == row.examples.size();
  std::string text = fmt::format("\n{}{}:\n", printable(row.name), all || &row == &none_ ? "" : ", the least certain");
  for (const Example& one : row.examples) {
    text += one.reason.empty() ? fmt::format("  {:.4f}  {}\n", one.probability, printable(one.path))
                               : fmt::format("  {}: {}\n", printable(one.path), printable(one.reason));
  }
  return text;
}

}  // namespace mnist::cli
