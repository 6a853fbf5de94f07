#include "report_pictures.hpp"

#include <fmt/format.h>

#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"
#include "mnist/report/pictures.hpp"

namespace mnist::cli {
namespace {

constexpr const char* kEndings[] = {".png", ".svg"};

std::vector<CaptionedImage> captioned(const std::vector<PageMistake>& mistakes) {
  std::vector<CaptionedImage> images;
  images.reserve(mistakes.size());
  for (const PageMistake& mistake : mistakes) {
    images.push_back({mistake.pixels,
                      fmt::format("{:.1f} % {}\ntrue: {}", 100 * mistake.probability, mistake.predicted, mistake.truth),
                      CaptionedImage::Mark::wrong});
  }
  return images;
}

void draw_evaluation(const std::filesystem::path& folder, const PageEvaluation& evaluation) {
  constexpr int kColumns = 6;
  const std::string title =
      fmt::format("{}: {:.2f} % of {} right", evaluation.data, 100 * evaluation.evaluation.accuracy(),
                  with_thousands(evaluation.evaluation.total));
  const torch::Tensor confusion = evaluation.report.confusion();
  const std::vector<CaptionedImage> mistakes = captioned(evaluation.mistakes);
  for (const char* const ending : kEndings) {
    draw_confusion(folder / fmt::format("confusion{}", ending), confusion, evaluation.class_names, title);
    draw_class_bars(folder / fmt::format("classes{}", ending), confusion, evaluation.class_names, title);
    if (!mistakes.empty()) draw_image_grid(folder / fmt::format("mistakes{}", ending), mistakes, kColumns);
  }
}

}  // namespace

void warn_of_letters(const std::vector<std::string>& names, spdlog::logger& log) {
  const std::string letters = letters_without_font(names);
  if (letters.empty()) return;
  log.warn(
      "no installed font has these letters of the class names: {}; pictures show boxes instead; install a font "
      "that has them, for example Noto Sans CJK",
      letters);
}

void write_pictures(const std::filesystem::path& folder, const RunRecord* run, const PageEvaluation* evaluation,
                    spdlog::logger& log) {
  make_folder(folder, "choose another folder with --pictures");
  if (run != nullptr && !(run->steps.empty() && run->epochs.empty())) {
    draw_curves({folder / "curves.png", folder / "curves.svg"}, *run);
  }
  if (evaluation != nullptr) {
    warn_of_letters(evaluation->class_names, log);
    draw_evaluation(folder, *evaluation);
  }
  log.info("pictures: {}", quoted(folder));
}

}  // namespace mnist::cli
