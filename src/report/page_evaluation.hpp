// The figures of an evaluation on a page.
#pragma once

#include <string>

#include "mnist/report/page.hpp"

namespace mnist {

// Confusion matrix; with many classes the most frequent confusions instead.
std::string page_confusion(const PageEvaluation& evaluation);

// Precision, recall and F1 of each class.
std::string page_classes(const PageEvaluation& evaluation);

// Pictures of the most confident mistakes.
std::string page_mistakes(const PageEvaluation& evaluation);

}  // namespace mnist
