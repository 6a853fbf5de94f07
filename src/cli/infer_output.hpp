// The results of `mnist infer` as text. Scripts read it: add forms, but do not change them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mnist/predict/prediction.hpp"

namespace mnist::cli {

// Without an answer, the class is "none" in text, null in JSON, empty in CSV, and the reason is added. For unsure
// answers the classes are kept; "class_index" and "probability" are those of the most probable one.
enum class InferForm {
  single,  // "Prediction: 4", for a test item "Label: 4, Prediction: 4", and a line "Probability: 0.9987". With several
           // classes instead of it one line for each: class<TAB>probability.
           // "Prediction: none (no digit found)", "Prediction: unsure (4 with 0.4100)"
  lines,   // path<TAB>class<TAB>probability, with several classes followed by further pairs.
           // path<TAB>none<TAB>-<TAB>no digit found; path<TAB>none<TAB>-<TAB>unsure<TAB>4<TAB>0.4100
  json,    // one object per line: path (or test_item and label), prediction, class_index, probability, top_k; reason
           // if there is no answer
  csv,     // RFC 4180: path (or test_item,label),prediction,class_index,probability; with several classes
           // followed by further triples, with columns _2, _3, ...; last, for pictures, the reason
};
// With --annotate, the last key or column is "annotated", the path of the drawn picture; null in JSON, empty in CSV
// if drawing failed.

// "4", "none (no digit found)", "unsure (4 with 0.4100)"; the probability is rounded down
std::string answer(const Prediction& prediction);

// "4 2 / 7": a slash between lines, "?" for a digit that is unsure.
std::string digits_text(const std::vector<DigitPrediction>& digits);

// The header of the results; empty except for `csv`. `top_k`: number of classes per prediction. `annotated`: whether
// the pictures are drawn.
std::string infer_header(InferForm form, bool test_item, std::size_t top_k, bool annotated);

// One result, including the line break; `top_k` as above. Control characters in names are written \xNN in the text
// forms.
std::string infer_result(InferForm form, const Prediction& prediction, std::size_t top_k);

// The same for the digits of one picture, in their order, for --multi. Without digits, the reason is given as above.
//
// - single: "Prediction: " and `digits_text`; then one line per digit, starting with its box:
//   left,top,width,height<TAB>class<TAB>probability, and so on as in `lines`.
// - lines: one line per digit, path<TAB>left,top,width,height<TAB>class<TAB>probability, and so on; "-" for no box.
// - json: path, and digits: a list of objects as in `json` above, with line (from 1) and box (left, top, width,
// height).
// - csv: one row per digit, with line,left,top,width,height after the path.
std::string digits_header(InferForm form, std::size_t top_k, bool annotated);
std::string digits_result(InferForm form, const std::string& path, const std::vector<DigitPrediction>& digits,
                          std::size_t top_k, const std::optional<std::string>& annotated);

}  // namespace mnist::cli
