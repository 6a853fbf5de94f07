// The curves of a run on its page.
#pragma once

#include <string>

#include "mnist/report/run_record.hpp"

namespace mnist {

// Loss, accuracy and learning rate over the epochs, each as a figure; empty without rows.
std::string page_curves(const RunRecord& run);

}  // namespace mnist
