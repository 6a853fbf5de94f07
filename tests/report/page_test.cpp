// report.html: whole, self-contained, and safe with any names.
#include "mnist/report/page.hpp"

#include <cstdlib>
#include <regex>

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/format/image.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kEvilName = "<script>alert('x')</script>&\"\x1b[31m\xff";

RunRecord run_of_two_epochs() {
  RunRecord run{.path = "runs/cnn-1"};
  run.manifest.outcome = Outcome::diverged;
  run.manifest.outcome_text = "diverged: the loss is nan";
  run.manifest.command_line = kEvilName;
  run.manifest.seconds = 75;
  run.manifest.sessions = {{.started = kEvilName, .outcome = "running", .host = kEvilName, .device = kEvilName},
                           {.started = "2026-01-02T00:00:00Z",
                            .outcome = "diverged: the loss is nan",
                            .reason = "the loss is nan",
                            .exit_code = 5,
                            .from_epoch = 2,
                            .from_step = 17}};
  for (std::int64_t epoch = 1; epoch <= 2; ++epoch) {
    for (std::int64_t step = 0; step < 3; ++step)
      run.steps.push_back({epoch, 3 * (epoch - 1) + step, 0.5, run.steps.empty() ? 7.0 : 0.25});
    run.epochs.push_back({.epoch = epoch,
                          .lr = 0.5,
                          .train_loss = 0.5,
                          .train_accuracy = 0.5,
                          .test_loss = 0.25,
                          .test_accuracy = 0.5 + 0.125 * static_cast<double>(epoch)});
  }
  return run;
}

PageEvaluation evaluation_of_two_classes() {
  PageEvaluation evaluation{.data = "test images",
                            .evaluation = {.loss = 0.5, .correct = 3, .total = 4},
                            .report = ClassificationReport(2, 1),
                            .class_names = {"ant", kEvilName},
                            .mistakes = {}};
  // Items 0 and 1 are right, 2 is taken for an ant, 3 is right.
  evaluation.report.add(at::tensor({0.75, 0.25, 0.25, 0.75, 0.875, 0.125, 0.5, 0.5}).view({4, 2}).log(),
                        at::tensor(std::vector<std::int64_t>{0, 1, 1, 0}));
  evaluation.mistakes = {{kEvilName, at::arange(48).to(at::kByte).view({3, 4, 4}), kEvilName, "ant", 0.875, 0.125}};
  return evaluation;
}

std::string page_of_all() {
  const RunRecord run = run_of_two_epochs();
  const PageEvaluation evaluation = evaluation_of_two_classes();
  return page_html({.title = kEvilName,
                    .run = &run,
                    .evaluation = &evaluation,
                    .model = {{"Network", kEvilName}},
                    .options = {{"--lr", kEvilName}},
                    .commands = {{"Use", kEvilName}},
                    .program = "mnist"});
}

// Elements that are opened and not closed, in order; closing another one than the last is reported.
std::vector<std::string> unbalanced(const std::string& page) {
  std::vector<std::string> open;
  const std::regex tag("<(/?)([a-z0-9]+)[^>]*?(/?)>");
  for (std::sregex_iterator match(page.begin(), page.end(), tag), end; match != end; ++match) {
    const std::string name = (*match)[2];
    if (name == "meta" || name == "link" || name == "img" || name == "br" || (*match)[3] == "/") continue;
    if ((*match)[1] != "/") {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return {"closed: " + name};
    } else {
      open.pop_back();
    }
  }
  return open;
}

TEST(Page, IsWellFormedAndNeedsNothingElse) {
  const std::string page = page_of_all();
  EXPECT_THAT(page, ::testing::StartsWith("<!DOCTYPE html>\n<html lang=\"en\">"));
  EXPECT_THAT(unbalanced(page), ::testing::IsEmpty());
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
  const std::regex address("(src|href)=\"(?!data:)");
  EXPECT_FALSE(std::regex_search(page, address));
}

TEST(Page, EscapesEveryText) {
  const std::string page = page_of_all();
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert('x')&lt;/script&gt;&amp;&quot;\\x1b[31m\xEF\xBF\xBD"));
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  EXPECT_EQ(page.find('\xff'), std::string::npos);
}

// What checks of accessibility ask for.
TEST(Page, TablesHaveHeadersWithScopeAndCanBeScrolledWithTheKeyboard) {
  const std::string page = page_of_all();
  EXPECT_FALSE(std::regex_search(page, std::regex("<th(?![a-z])(?![^>]*scope=)"))) << "a header without scope";
  EXPECT_FALSE(std::regex_search(page, std::regex("<th[^>]*></th>"))) << "an empty header";
  const std::regex scrolled("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"[^\"]+\"><table");
  EXPECT_EQ(std::distance(std::sregex_iterator(page.begin(), page.end(), scrolled), std::sregex_iterator()), 3);
  EXPECT_THAT(page, HasSubstr("--share:44.0%")) << "half a row: the contrast of its number is enough on a paler shade";
}

TEST(Page, SaysHowEpochsAreCountedAndWhatLimitsThem) {
  const RunRecord run = run_of_two_epochs();
  PageContent content{.title = "run", .run = &run};
  EXPECT_THAT(page_html(content), Not(AnyOf(HasSubstr("epoch 1 is their epoch 0"), HasSubstr("of a part"))));
  content.on_part = true;
  content.lines_from_zero = true;
  EXPECT_THAT(page_html(content),
              AllOf(HasSubstr("epoch 1 is their epoch 0"),
                    HasSubstr("<dt>Best test accuracy (of a part of the images)</dt><dd>75.00 %</dd>")));
}

TEST(Page, ShowsHowTheRunWent) {
  const std::string page = page_of_all();
  EXPECT_THAT(page, HasSubstr("<dt>Accuracy</dt><dd>75.00 %</dd>"));
  EXPECT_THAT(page, HasSubstr("<dt>Best test accuracy</dt><dd>75.00 %</dd>"));
  EXPECT_THAT(page, HasSubstr("<dt>Time</dt><dd>1:15</dd>"));
  EXPECT_THAT(page, HasSubstr("State: <strong class=\"state-diverged\">diverged</strong>"));
  EXPECT_THAT(page, HasSubstr("<td class=\"left\">killed</td>")) << "the first session has no end";
  EXPECT_THAT(page, HasSubstr("epoch 2, step 17"));
  EXPECT_THAT(page, HasSubstr("cut off: values up to 7")) << "the first loss";
  EXPECT_THAT(page, HasSubstr("after the last epoch 0.5000 and 0.2500"));
}

TEST(Page, HasTheFiguresOfTheClasses) {
  const std::string page = page_of_all();
  EXPECT_THAT(page, HasSubstr("title=\"50.0 % of the row\">1</td>"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">ant</th><td>0.6667</td><td>1.0000</td><td>0.8000</td>"));
  EXPECT_THAT(page, HasSubstr("1 of 1 wrong answers"));
}

TEST(Page, CarriesThePixelsOfAMistake) {
  const std::string page = page_of_all();
  const std::string begin = "src=\"data:image/png;base64,";
  const std::size_t at = page.find(begin) + begin.size();
  const test::TemporaryFolder folder;
  test::write_file(folder / "code", page.substr(at, page.find('"', at) - at));
  const std::string command =
      "base64 -d < '" + (folder / "code").string() + "' > '" + (folder / "picture.png").string() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_TRUE(
      read_image(folder / "picture.png").equal(at::arange(48).to(at::kByte).view({3, 4, 4}).permute({1, 2, 0})));
}

TEST(Page, OfAModelAloneHasItsFigures) {
  const PageEvaluation evaluation = evaluation_of_two_classes();
  const std::string page = page_html({.title = "model", .evaluation = &evaluation, .program = "mnist"});
  EXPECT_THAT(unbalanced(page), ::testing::IsEmpty());
  EXPECT_THAT(page, HasSubstr("Confusion matrix: test images"));
  EXPECT_THAT(page, Not(HasSubstr("Curves")));
}

TEST(Page, OfARunWithoutRowsIsWhole) {
  RunRecord run = run_of_two_epochs();
  run.steps.clear();
  run.epochs.clear();
  const std::string page = page_html({.title = "run", .run = &run, .program = "mnist"});
  EXPECT_THAT(unbalanced(page), ::testing::IsEmpty());
  EXPECT_THAT(page, Not(HasSubstr("Curves")));
  EXPECT_THAT(page, Not(HasSubstr("accuracy"))) << "no figure is made up";
}

// With many classes the matrix would be unreadable.
TEST(Page, OfManyClassesListsTheFrequentConfusions) {
  PageEvaluation evaluation{.data = "test images",
                            .evaluation = {.loss = 0.5, .correct = 0, .total = 30},
                            .report = ClassificationReport(30, 1),
                            .class_names = {},
                            .mistakes = {}};
  for (int i = 0; i < 30; ++i) evaluation.class_names.push_back("class " + std::to_string(i));
  const torch::Tensor targets = at::arange(30);
  evaluation.report.add(at::one_hot((targets + 1) % 30, 30).to(at::kDouble).add(1e-6).log(), targets);
  const std::string page = page_html({.title = "model", .evaluation = &evaluation, .program = "mnist"});
  EXPECT_THAT(page, HasSubstr("<td class=\"left\">class 0</td><td class=\"left\">class 1</td><td>1</td>"));
  EXPECT_THAT(page, Not(HasSubstr("class=\"confusion\"")));
}

}  // namespace
}  // namespace mnist
