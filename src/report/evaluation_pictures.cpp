#include "mnist/report/evaluation_pictures.hpp"

#include <fmt/format.h>

#include "mnist/core/text.hpp"
#include "mnist/report/pictures.hpp"

namespace mnist {

std::string title_of(const PageEvaluation& evaluation) {
  return fmt::format("{}: {:.2f} % of {} right", evaluation.data, 100 * evaluation.evaluation.accuracy(),
                     with_thousands(evaluation.evaluation.total));
}

void draw_mistakes(const std::filesystem::path& path, const std::vector<PageMistake>& mistakes) {
  constexpr int kColumns = 6;
  std::vector<CaptionedImage> images;
  images.reserve(mistakes.size());
  for (const PageMistake& mistake : mistakes) {
    images.push_back({mistake.pixels,
                      fmt::format("{:.1f} % {}, is {}\n{}", 100 * mistake.probability, mistake.predicted, mistake.truth,
                                  mistake.name),
                      CaptionedImage::Mark::wrong});
  }
  draw_image_grid(path, images, kColumns);
}

}  // namespace mnist
