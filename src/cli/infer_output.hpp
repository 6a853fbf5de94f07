// The results of `mnist infer` as text. Scripts read it: forms are added to, not changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mnist/data/prepare.hpp"

namespace mnist::cli {

struct ClassProbability {
  std::string name;    // of the class
  std::int64_t index;  // of the class
  double probability;  // 0..1
};

// An item of a data set, of which the right answer is known.
struct TestItem {
  std::int64_t number;  // from 0
  std::string label;    // name of the class
};

struct Prediction {
  std::string path;  // of the image; unused for a test item
  std::optional<TestItem> item;
  std::vector<ClassProbability> top;  // the likeliest first; none where the network was not asked
  std::string reason;                 // why there is no answer: one of those below; empty where there is one
  // The picture that --annotate drew, "" where it could not; none where it was not asked for.
  std::optional<std::string> annotated = std::nullopt;
};

inline constexpr const char* kNothingFound = "no digit found";
inline constexpr const char* kUnsure = "unsure";  // the likeliest class is not likely enough

// The same, without an answer where the likeliest class has less than this probability.
Prediction if_sure(Prediction prediction, double min_probability);

// Without an answer the class is "none" in the text forms, null in JSON, empty in CSV, and the reason is added; for one
// that is unsure, the classes stay, "class_index" and "probability" being the likeliest one's.
enum class InferForm {
  single,  // "Prediction: 4" and a line "Probability: 0.9987", or for a test item "Label: 4, Prediction: 4" alone. With
           // more than one class a line for each of them instead: class<TAB>probability.
           // "Prediction: none (no digit found)", "Prediction: unsure (4 with 0.41)"
  lines,   // path<TAB>class<TAB>probability, with more than one class further pairs behind.
           // path<TAB>none<TAB>-<TAB>no digit found; path<TAB>none<TAB>-<TAB>unsure<TAB>4<TAB>0.4100
  json,    // one object a line: path (or test_item and label), prediction, class_index, probability, top_k; reason
           // where there is no answer
  csv,     // RFC 4180: path (or test_item,label),prediction,class_index,probability; with more than one class further
           // triples behind, whose columns end in _2, _3, ...; last, for pictures, the reason
};
// With --annotate, the last key or column is "annotated", the path of the drawn picture: null in JSON, empty in CSV,
// where it could not be drawn.

// One of the digits on a picture.
struct DigitPrediction {
  Prediction prediction;
  PictureBox box;
  std::int64_t line;  // of the page, from 0
};

// "no digit found", or of several "2 digits found; --multi reads them".
std::string reason_for(std::size_t digits);

// "4", "none (no digit found)", "unsure (4 with 0.41)"
std::string answer(const Prediction& prediction);

// "4 2 / 7": a slash between lines, "?" for a digit that is unsure.
std::string digits_text(const std::vector<DigitPrediction>& digits);

// What goes before the first result; empty but for `csv`. `top_k`: classes of each prediction. `annotated`: whether
// the pictures are drawn.
std::string infer_header(InferForm form, bool test_item, std::size_t top_k, bool annotated);

// One result, with its line break; `top_k` as above. Control characters in names are written \xNN in the text forms.
std::string infer_result(InferForm form, const Prediction& prediction, std::size_t top_k);

// The same for the digits of one picture, in their order, for --multi. Where there is none, the reason is told as
// above.
//
// - single: "Prediction: " and `digits_text`; below it a line for each digit, which begins with its box:
//   left,top,width,height<TAB>class<TAB>probability, and so on as in `lines`.
// - lines: a line for each digit, path<TAB>left,top,width,height<TAB>class<TAB>probability, and so on; "-" for no box.
// - json: path, and digits: a list of what `json` has above, with line (from 1) and box (left, top, width, height).
// - csv: a row for each digit, with line,left,top,width,height behind the path.
std::string digits_header(InferForm form, std::size_t top_k, bool annotated);
std::string digits_result(InferForm form, const std::string& path, const std::vector<DigitPrediction>& digits,
                          std::size_t top_k, const std::optional<std::string>& annotated);

}  // namespace mnist::cli
