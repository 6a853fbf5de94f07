// Pictures of what the page of a run says of an evaluation, for other places than the page.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mnist/report/page.hpp"

namespace mnist {

// "test set of mnist: 98.91 % of 10,000 right"
std::string title_of(const PageEvaluation& evaluation);

// The mistakes with their files, answers and true classes, at least one. Throws as `draw_image_grid` does.
void draw_mistakes(const std::filesystem::path& path, const std::vector<PageMistake>& mistakes);

}  // namespace mnist
