// The curves of a run as plots: for its page, and for pictures.
#pragma once

#include <vector>

#include "mnist/report/run_record.hpp"

#include "plot.hpp"

namespace mnist {

// Loss, accuracy and learning rate over the epochs. Those without values are missing.
std::vector<Plot> run_plots(const RunRecord& run);

// Loss and accuracy on the test set of several runs, each in a colour (`series_color`); training dashed.
std::vector<Plot> comparison_plots(const std::vector<const RunRecord*>& runs);

}  // namespace mnist
