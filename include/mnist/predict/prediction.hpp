// The answers of a network for a picture or a test item, and their JSON, which `mnist infer --format json` prints and
// `mnist serve` sends. Programs read it: add keys, but do not change them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "mnist/data/prepare.hpp"

namespace mnist {

struct ClassProbability {
  std::string name;    // of the class
  std::int64_t index;  // of the class
  double probability;  // 0..1
};

// An item of a data set, with a known label.
struct TestItem {
  std::int64_t number;  // from 0
  std::string label;    // name of the class
};

struct Prediction {
  std::string path;  // of the image; unused for a test item
  std::optional<TestItem> item;
  std::vector<ClassProbability> top;  // most probable first; none if the network did not run
  std::string reason;                 // why there is no answer: one of those below; empty: there is one
  // The drawing of --annotate, "" if it failed; nothing without --annotate.
  std::optional<std::string> annotated = std::nullopt;
};

inline constexpr const char* kNothingFound = "no digit found";
inline constexpr const char* kUnsure = "unsure";  // the most probable class is below --min-probability

// Removes the answer if the most probable class is below this probability.
Prediction if_sure(Prediction prediction, double min_probability);

// One of the digits of a picture.
struct DigitPrediction {
  Prediction prediction;
  PictureBox box;
  std::int64_t line;  // of the page, from 0
};

// "no digit found", or for several digits "2 digits found; --multi reads them". `option`: how to have them read.
std::string reason_for(std::size_t digits, std::string_view option = "--multi");

// One object: path (or test_item and label), prediction, class_index,
// probability, top_k; reason if there is no answer. With a drawing, the last key is "annotated": its path, null if
// drawing failed.
nlohmann::ordered_json json_of(const Prediction& prediction);

// The same for all digits of one picture, in their order: path, and digits: a list of objects as above, with line (from
// 1) and box (left, top, width, height). Without digits, the reason is given as above.
nlohmann::ordered_json json_of(const std::string& path, const std::vector<DigitPrediction>& digits,
                               const std::optional<std::string>& annotated);

// The object on one line, without a line break. Bytes that are not UTF-8 become U+FFFD: a path may have some.
std::string json_text(const nlohmann::ordered_json& object);

// What may be wrong with the answers for a picture, as a sentence; empty for `none`.
std::string text_of(PictureNote note);

// In JSON and CSV, probabilities have this many significant digits. More would only look precise: the network computes
// with 32-bit floats, which have nine.
inline constexpr int kProbabilityDigits = 9;

}  // namespace mnist
