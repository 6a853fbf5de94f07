#include "mnist/report/page.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "mnist/core/text.hpp"
#include "mnist/report/progress.hpp"
#include "mnist/train/calibration.hpp"

#include "html.hpp"
#include "page_evaluation.hpp"
#include "page_style.hpp"
#include "run_plots.hpp"
#include "svg_plot.hpp"

namespace mnist {
namespace {

std::string percent(double share) {
  return fmt::format("{:.2f} %", 100 * share);
}

std::string duration(const std::optional<double>& seconds) {
  return seconds ? short_duration(*seconds) : "unknown";
}

void add_run(std::vector<PageFact>& facts, const PageContent& content) {
  const RunRecord& run = *content.run;
  if (const EpochRow* const best = run.best(); best != nullptr) {
    facts.emplace_back(content.on_part ? "Best test accuracy (of a part of the images)" : "Best test accuracy",
                       percent(best->test_accuracy));
    facts.emplace_back("In epoch", fmt::format("{} of {}", best->epoch, run.epochs.back().epoch));
  }
  facts.emplace_back("Time", duration(run.manifest.seconds));
}

std::string headline(const PageContent& content) {
  std::vector<PageFact> facts;
  if (content.evaluation != nullptr) {
    const Evaluation& evaluation = content.evaluation->evaluation;
    facts.emplace_back("Accuracy", percent(evaluation.accuracy()));
    facts.emplace_back("Correct",
                       fmt::format("{} of {}", with_thousands(evaluation.correct), with_thousands(evaluation.total)));
    facts.emplace_back("Loss", fmt::format("{:.4f}", evaluation.loss));
    facts.emplace_back("Calibration error",
                       fmt::format("{:.2f} %", 100 * content.evaluation->report.expected_calibration_error()));
  }
  if (content.run != nullptr) add_run(facts, content);
  std::string text = "<dl class=\"headline\">\n";
  for (const auto& [heading, value] : facts) {
    text += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", html_text(heading), html_text(value));
  }
  text += "</dl>\n";
  if (content.evaluation == nullptr) return text;
  const PageEvaluation& evaluation = *content.evaluation;
  return text + fmt::format("<p class=\"soft\">Calibration error: {}.</p>\n",
                            temperature_text(evaluation.temperature, evaluation.fitted_here));
}

// One row for each process.
std::string sessions(const RunRecord& run) {
  std::string table =
      "<table>\n<thead><tr><th scope=\"col\" class=\"left\">started (UTC)</th>"
      "<th scope=\"col\" class=\"left\">from</th><th scope=\"col\">time</th><th scope=\"col\" class=\"left\">ended</th>"
      "<th scope=\"col\">exit code</th><th scope=\"col\" class=\"left\">device, host</th></tr></thead>\n<tbody>\n";
  for (const RunSession& session : run.manifest.sessions) {
    const std::string from = session.from_epoch == 0
                                 ? "the beginning"
                                 : fmt::format("epoch {}, step {}", session.from_epoch, session.from_step);
    const std::string reason = session.reason.empty() || session.outcome.find(session.reason) != std::string::npos
                                   ? ""
                                   : ": " + session.reason;
    const bool last = &session == &run.manifest.sessions.back();
    const std::string end =
        session.outcome == "running" ? (last && run.active ? "running" : "killed") : session.outcome + reason;
    table += fmt::format(
        "<tr><td class=\"left\">{}</td><td class=\"left\">{}</td><td>{}</td><td class=\"left\">{}</td><td>{}</td>"
        "<td class=\"left\">{}, {}</td></tr>\n",
        html_text(session.started), from, duration(session.seconds), html_text(end),
        session.exit_code ? std::to_string(*session.exit_code) : "", html_text(session.device),
        html_text(session.host));
  }
  return wide_table("Processes of the run", table + "</tbody></table>");
}

// `written`: when this is known; later a running process may have been killed.
std::string how_it_ended(const RunRecord& run, const std::string& written) {
  const std::string state = run.state();
  const std::string as_of = state == "running" ? " at " + html_text(written) : "";
  return fmt::format("<p>State: <strong class=\"state-{}\">{}</strong>{}</p>\n", state, state, as_of) + sessions(run);
}

std::string commands(const std::vector<PageFact>& facts) {
  std::string text;
  for (const auto& [purpose, command] : facts) {
    text += fmt::format("<p>{}</p>\n<pre><code>{}</code></pre>\n", html_text(purpose), html_text(command));
  }
  return text;
}

std::vector<PageFact> environment(const RunManifest& manifest) {
  std::vector<PageFact> facts = {{"Command", manifest.command_line},
                                 {"Device", manifest.device},
                                 {"Processor", manifest.cpu},
                                 {"Host", manifest.host},
                                 {"Precision, kernels", manifest.precision + ", " + manifest.kernels},
                                 {"Processes", std::to_string(manifest.ranks)},
                                 {"Program", fmt::format("mnist {} (git {})", manifest.program, manifest.git_revision)},
                                 {"LibTorch", manifest.libtorch},
                                 {"Compiler", manifest.compiler}};
  if (!manifest.model.empty()) facts.emplace_back("Model file", manifest.model.string());
  if (!manifest.model_sha256.empty()) facts.emplace_back("SHA-256 of the model", manifest.model_sha256);
  return facts;
}

constexpr const char* kFromZero =
    "<p class=\"soft\">This page counts epochs from 1. The printed lines of the run count them from 0, as those of the "
    "Python program do: epoch 1 is their epoch 0.</p>\n";

std::string curves(const RunRecord& run) {
  std::string figures;
  for (const Plot& plot : run_plots(run)) figures += fmt::format("<figure>\n{}</figure>\n", svg_plot(plot));
  return figures.empty() ? "" : fmt::format("<div class=\"plots\">\n{}</div>\n", figures);
}

}  // namespace

std::string page_html(const PageContent& content) {
  std::string body = fmt::format("<h1>{}</h1>\n", html_text(content.title));
  if (content.run != nullptr) {
    body += fmt::format("<p class=\"soft\">{} · started {} (UTC)</p>\n", html_text(content.run->path.string()),
                        html_text(content.run->manifest.started));
  }
  body += headline(content);
  if (content.run != nullptr) {
    const std::string pictures = curves(*content.run);
    body += page_section("Curves", pictures + (content.lines_from_zero && !pictures.empty() ? kFromZero : ""));
    body += page_section("How it ended", how_it_ended(*content.run, content.written));
  }
  if (content.evaluation != nullptr) {
    const PageEvaluation& evaluation = *content.evaluation;
    body += page_section("Confusion matrix: " + evaluation.data, page_confusion(evaluation));
    body += page_section("Classes", page_classes(evaluation));
    body += page_section("The most confident mistakes", page_mistakes(evaluation));
  }
  body += page_section("Use it", commands(content.commands));
  body += page_section("Model", fact_table(content.model));
  body += page_section("Configuration", fact_table(content.options));
  if (content.run != nullptr) body += page_section("Environment", fact_table(environment(content.run->manifest)));
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{}</main>\n"
      "<footer>Written by {}, {}.</footer>\n</body>\n</html>\n",
      html_text(content.title), kPageStyle, body, html_text(content.program), html_text(content.written));
}

}  // namespace mnist
