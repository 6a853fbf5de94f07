#include "page_evaluation.hpp"

#include <algorithm>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/text.hpp"

#include "html.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kMatrixOnPage = 25;  // classes
constexpr std::size_t kPairsOnPage = 15;
constexpr std::size_t kClassesOnPage = 200;

const std::string& name_of_class(const PageEvaluation& evaluation, std::int64_t index) {
  return evaluation.class_names[static_cast<std::size_t>(index)];
}

// A cell with the share of its row as shade. Above a half the shade jumps, so that the contrast of the number is at
// least 4.5 : 1 in both colour schemes.
std::string count_cell(std::int64_t count, std::int64_t row_total) {
  if (count == 0) return "<td class=\"zero\">0</td>";
  const double share = static_cast<double>(count) / static_cast<double>(row_total);
  const bool dark = share > 0.5;
  const double shade = dark ? 88 + 24 * (share - 0.5) : 88 * share;
  return fmt::format("<td{} style=\"--share:{:.1f}%\" title=\"{:.1f} % of the row\">{}</td>",
                     dark ? " class=\"dark\"" : "", shade, 100 * share, with_thousands(count));
}

std::string matrix(const PageEvaluation& evaluation) {
  const std::int64_t classes = evaluation.report.classes();
  std::string table =
      "<table class=\"confusion\"><caption>Rows: true class. Columns: predicted class. Shade: "
      "share of the row.</caption>\n<thead><tr><td></td>";
  for (std::int64_t index = 0; index < classes; ++index) {
    table += fmt::format("<th scope=\"col\">{}</th>", html_text(shortened(name_of_class(evaluation, index), 12)));
  }
  table += "<th scope=\"col\">right</th></tr></thead>\n<tbody>\n";
  for (std::int64_t truth = 0; truth < classes; ++truth) {
    std::int64_t total = 0;
    for (std::int64_t predicted = 0; predicted < classes; ++predicted)
      total += evaluation.report.count(truth, predicted);
    table += fmt::format("<tr><th scope=\"row\">{}</th>", html_text(name_of_class(evaluation, truth)));
    for (std::int64_t predicted = 0; predicted < classes; ++predicted) {
      table += count_cell(evaluation.report.count(truth, predicted), std::max<std::int64_t>(total, 1));
    }
    const double right =
        total == 0 ? 0 : static_cast<double>(evaluation.report.count(truth, truth)) / static_cast<double>(total);
    table += fmt::format("<td class=\"right\">{:.1f} %</td></tr>\n", 100 * right);
  }
  return wide_table("Confusion matrix", table + "</tbody></table>");
}

std::string frequent_confusions(const PageEvaluation& evaluation) {
  std::vector<std::tuple<std::int64_t, std::int64_t, std::int64_t>> pairs;  // items, true class, predicted class
  for (const auto& [pair, count] : evaluation.report.counts()) {
    if (count > 0 && pair.first != pair.second) pairs.emplace_back(-count, pair.first, pair.second);
  }
  std::ranges::sort(pairs);
  pairs.resize(std::min(pairs.size(), kPairsOnPage));
  if (pairs.empty()) return "<p>No item is classified wrongly.</p>\n";
  std::string table =
      "<table><caption>The most frequent confusions</caption>\n<thead><tr><th scope=\"col\" class=\"left\">true</th>"
      "<th scope=\"col\" class=\"left\">predicted</th><th scope=\"col\">items</th></tr></thead>\n<tbody>\n";
  for (const auto& [count, truth, predicted] : pairs) {
    table += fmt::format("<tr><td class=\"left\">{}</td><td class=\"left\">{}</td><td>{}</td></tr>\n",
                         html_text(name_of_class(evaluation, truth)), html_text(name_of_class(evaluation, predicted)),
                         with_thousands(-count));
  }
  return table + "</tbody></table>\n";
}

}  // namespace

std::string page_confusion(const PageEvaluation& evaluation) {
  return evaluation.report.classes() <= kMatrixOnPage ? matrix(evaluation) : frequent_confusions(evaluation);
}

std::string page_classes(const PageEvaluation& evaluation) {
  std::string table =
      "<table>\n<thead><tr><th scope=\"col\" class=\"left\">class</th><th "
      "scope=\"col\">precision</th>"
      "<th scope=\"col\">recall</th><th scope=\"col\">F1</th><td class=\"bars\"></td><th "
      "scope=\"col\">images</th></tr></thead>\n<tbody>\n";
  const auto row = [&](const std::string& name, const ClassFigures& figures) {
    table += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{:.4f}</td><td>{:.4f}</td><td>{:.4f}</td>"
        "<td class=\"bars\"><span class=\"bar\"><i style=\"width:{:.1f}%\"></i></span></td><td>{}</td></tr>\n",
        html_text(name), figures.precision, figures.recall, figures.f1, 100 * figures.f1,
        with_thousands(figures.support));
  };
  const std::vector<ClassFigures> figures = evaluation.report.by_class();
  const std::size_t shown = std::min(figures.size(), kClassesOnPage);
  for (std::size_t index = 0; index < shown; ++index) row(evaluation.class_names[index], figures[index]);
  row("macro average", evaluation.report.macro_average());
  table = wide_table("Figures of the classes", table + "</tbody></table>");
  if (shown < figures.size()) {
    table += fmt::format("<p class=\"soft\">The first {} of {} classes; mnist evaluate --format json has all.</p>\n",
                         shown, figures.size());
  }
  return table;
}

std::string page_mistakes(const PageEvaluation& evaluation) {
  const std::size_t all = evaluation.report.mistakes().size();
  if (all == 0) return "<p>No item is classified wrongly.</p>\n";
  std::string text = fmt::format(
      "<p class=\"soft\">{} of {} wrong answers, the most confident first, as the network sees "
      "them.</p>\n<div class=\"mistakes\">\n",
      evaluation.mistakes.size(), with_thousands(static_cast<std::int64_t>(all)));
  for (const PageMistake& mistake : evaluation.mistakes) {
    const std::string predicted = html_text(mistake.predicted);
    const std::string truth = html_text(mistake.truth);
    const std::string name = html_text(mistake.name);
    text += fmt::format(
        "<figure><img{} loading=\"lazy\" src=\"{}\" alt=\"{}: {} taken for {}\"><figcaption><span class=\"bad\">{} "
        "({:.1f} %)</span><br><span class=\"good\">true: {} ({:.1f} "
        "%)</span><br><small>{}</small></figcaption></figure>\n",
        mistake.pixels.size(0) == 3 ? " class=\"photo\"" : "", image_address(mistake.pixels), name, truth, predicted,
        predicted, 100 * mistake.probability, truth, 100 * mistake.probability_of_truth, name);
  }
  return text + "</div>\n";
}

}  // namespace mnist
