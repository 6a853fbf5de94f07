// A plot as SVG for a page, whose style sheet gives the colours (`page_style.hpp`).
#pragma once

#include <string>

#include "plot.hpp"

namespace mnist {

// Series have the colours of training and test only.
std::string svg_plot(const Plot& plot);

}  // namespace mnist
