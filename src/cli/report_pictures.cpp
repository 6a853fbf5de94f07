#include "report_pictures.hpp"

#include <functional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"
#include "mnist/report/evaluation_pictures.hpp"
#include "mnist/report/pictures.hpp"

namespace mnist::cli {
namespace {

constexpr const char* kEndings[] = {".png", ".svg"};

class Pictures {
 public:
  Pictures(std::filesystem::path folder, spdlog::logger& log) : folder_(std::move(folder)), log_(log) {}

  // Draws to NAME.png and NAME.svg, or removes them: old ones would look current.
  void draw(const std::string& name, bool known, const std::function<void(const std::filesystem::path&)>& draw_to) {
    for (const char* const ending : {".png", ".svg"}) {
      const std::filesystem::path path = folder_ / (name + ending);
      std::error_code ignored;
      if (known) {
        draw_to(path);
      } else if (std::filesystem::remove(path, ignored)) {
        log_.warn("{} is removed: it is of an earlier call", quoted(path));
      }
    }
    if (known) names_.push_back(name);
  }

  void tell() const {
    if (names_.empty()) {
      log_.warn("no pictures: there are neither rows of metrics nor an evaluation");
    } else {
      log_.info("pictures in {}: {}, each as .png and .svg", quoted(folder_), fmt::join(names_, ", "));
    }
  }

 private:
  std::filesystem::path folder_;
  spdlog::logger& log_;
  std::vector<std::string> names_;
};

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
  using Path = std::filesystem::path;
  make_folder(folder, "choose another folder with --pictures");
  if (evaluation != nullptr) warn_of_letters(evaluation->class_names, log);
  Pictures pictures(folder, log);
  const bool evaluated = evaluation != nullptr;
  pictures.draw("curves", run != nullptr && !(run->steps.empty() && run->epochs.empty()),
                [&](const Path& path) { draw_curves(path, *run); });
  pictures.draw("confusion", evaluated, [&](const Path& path) {
    draw_confusion(path, evaluation->report.confusion(), evaluation->class_names, title_of(*evaluation));
  });
  pictures.draw("classes", evaluated, [&](const Path& path) {
    draw_class_bars(path, evaluation->report.confusion(), evaluation->class_names, title_of(*evaluation));
  });
  pictures.draw("mistakes", evaluated && !evaluation->mistakes.empty(),
                [&](const Path& path) { draw_mistakes(path, evaluation->mistakes); });
  pictures.tell();
}

}  // namespace mnist::cli
