// report.html: a run or a model as one page for people. The file needs nothing else: no network, no JavaScript,
// pictures are inside. Light and dark as the browser is set, from the width of a phone.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "mnist/report/run_record.hpp"
#include "mnist/train/classification_report.hpp"
#include "mnist/train/evaluate.hpp"

namespace mnist {

// An item that was classified wrongly, as the network sees it.
struct PageMistake {
  std::string name;      // of the file, or the number of the item
  torch::Tensor pixels;  // uint8 [C, H, W], grey or RGB; at most 128 pixels a side keep the page small
  std::string truth;
  std::string predicted;
  double probability = 0;           // of the predicted class, 0..1
  double probability_of_truth = 0;  // 0..1
};

struct PageEvaluation {
  std::string data;  // "test set of mnist"
  Evaluation evaluation;
  ClassificationReport report;
  std::vector<std::string> class_names;
  std::vector<PageMistake> mistakes;  // the most confident first; a part of those in `report`
  double temperature = 1;             // of the probabilities in `report`
  bool fitted_here = false;           // the temperature was fitted on these images
};

// A heading and a text beside it.
using PageFact = std::pair<std::string, std::string>;

struct PageContent {
  std::string title;                           // "cnn on mnist"
  const RunRecord* run = nullptr;              // nullptr: a model without a run
  const PageEvaluation* evaluation = nullptr;  // nullptr: not evaluated
  std::vector<PageFact> model;                 // network, parameters, weights it began from, ...
  std::vector<PageFact> options;               // configuration of the run
  std::vector<PageFact> commands;              // what it is for, and the command
  std::string program;                         // that writes the page: "mnist 0.1.0"
  std::string written;                         // time of writing, UTC
  bool on_part = false;                        // the run tested on a part of the test images (--limit-batches)
  bool lines_from_zero = false;                // the printed lines of the run count epochs from 0, the page from 1
};

// The whole page, in UTF-8. Texts may have any bytes.
std::string page_html(const PageContent& content);

}  // namespace mnist
