// A curve as lines of text, for a terminal: in braille characters, which have 2 x 4 dots, or in ASCII.
#pragma once

#include <string>
#include <vector>

namespace mnist {

struct TextPoint {
  double x = 0;
  double y = 0;
};

struct TextPlot {
  std::string title;             // this and the other texts are ASCII
  std::vector<TextPoint> curve;  // joined, in the order of x; points that are not finite are left out
  std::vector<TextPoint> marks;  // each an "o", above the curve
  double last_x = 1;             // at the right end; 0 is at the left one
  double lowest = 0;             // y at the bottom
  double highest = 1;            // y at the top; points above or below are drawn at the edge
  std::string lowest_text;       // beside the lowest line
  std::string highest_text;      // beside the highest one
  std::string last_text;         // below the right end
};

// `height` lines of at most `columns` columns: the title, the plot, and a line below it. If several points share a
// column of dots, their mean is drawn. `utf8`: with braille; else ASCII only. Empty if there is no room for a plot:
// fewer than 3 lines, or than 4 columns beside the texts.
std::vector<std::string> plot_lines(const TextPlot& plot, int columns, int height, bool utf8);

}  // namespace mnist
