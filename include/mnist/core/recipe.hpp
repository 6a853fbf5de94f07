// What a model file says about its network besides the weights: which network it is, what its classes are called, how
// an image must be prepared for it, and how it was trained. `infer` and `evaluate` need nothing but this and an image.
//
// Stored as JSON in the model file (`format/model_file.hpp`). On disk: keys are never renamed or reused; a reader
// ignores keys it does not know and refuses a `format_version` newer than its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mnist {

// How pixels become the network's input: an image of any size -> [channels, height, width], bytes / 255, then
// (x - mean) / std per channel. The same arithmetic in training, evaluation and inference.
struct Preprocessing {
  // What is expected on the picture, and so how a picture of another size is brought to height x width.
  enum class Kind {
    digit,  // grey, light on dark, placed as MNIST places its digits
    photo,  // RGB; shorter side to `resize` (antialiased bilinear), centre crop to height x width
  };
  Kind kind = Kind::digit;
  std::int64_t channels = 1;
  std::int64_t height = 28;  // pixels
  std::int64_t width = 28;   // pixels
  std::int64_t resize = 0;   // pixels, shorter side; photo only
  std::vector<double> mean;  // one per channel, of values 0..1
  std::vector<double> std;   // one per channel, of values 0..1

  bool operator==(const Preprocessing&) const = default;
};

// `photo`, for images of another size: side x side, cut out of what is a seventh larger, as torchvision's networks see
// 224 of 256 pixels.
Preprocessing resized(Preprocessing photo, std::int64_t side);

// A file of weights that training began from.
struct Ancestor {
  std::string file;         // its name, without the folder
  std::string sha256;       // of the whole file
  std::string dataset;      // that it was trained on; empty: it does not say
  std::int64_t epochs = 0;  // that it was trained for, if it says on what

  bool operator==(const Ancestor&) const = default;
};

// How the weights came about; for people and for `mnist info`. Nothing computes with it, but that `mnist evaluate`
// divides a folder by `val_split` and `seed` again, and compares its pictures with those of the training.
struct TrainingSummary {
  std::string dataset;      // "mnist"
  std::int64_t epochs = 0;  // that these weights were trained for: finished ones, not those asked for
  std::int64_t seed = 0;
  double val_split = 0;            // share of the pictures that was kept to validate on; 0: there were folders for that
  double test_loss = 0;            // after the last epoch
  std::int64_t correct = 0;        // of `test_items`, after the last epoch
  std::int64_t test_items = 0;     // 0: these weights were not evaluated
  std::string program;             // "mnist 0.1.0"
  std::int64_t limit_batches = 0;  // maximum number of training and test batches per epoch; 0: all
  // The file that training began from, the one that it had begun from, and so on as far as they say (100 at most).
  std::vector<Ancestor> ancestry = {};
  // Of picture files: SHA-256 of names, sizes and labels of the pictures for training and of those for validation, so
  // that `mnist evaluate` knows whether a folder is the same. Empty: unknown.
  std::string train_sha256 = {};
  std::string val_sha256 = {};

  bool operator==(const TrainingSummary&) const = default;
};

struct Recipe {
  static constexpr int kFormatVersion = 1;

  std::string arch;                      // a name in the table of models: "cnn"
  std::vector<std::string> class_names;  // index -> name; its size is the number of outputs
  Preprocessing preprocessing;
  // Probabilities are softmax(logits / temperature): above 1 they are less sure (Guo et al., ICML 2017). 1: not fitted.
  double temperature = 1;
  TrainingSummary training;

  bool operator==(const Recipe&) const = default;
};

// One JSON object, indented, ending in a line break; the same recipe gives the same bytes.
std::string to_json(const Recipe& recipe);

// Throws a data `Error` naming `source` if the text is not JSON, exceeds the bounds of `parse_bounded_json`, lacks a
// key, has one of the wrong type, holds values that no network can have (sizes outside 1..4096, a resize of more than 4
// times them, a mean beyond 1,000, more than 100,000 classes, a temperature outside 0.01..100), or is of a newer format
// version.
Recipe recipe_from_json(std::string_view text, const std::string& source);

}  // namespace mnist
