// `mnist infer` for pictures: decodes them on all threads, classifies them in batches, writes the results, and draws
// them if requested. If a picture fails, its error is printed, and the others are still processed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "mnist/core/error.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/data/decoding_memory.hpp"
#include "mnist/data/prepare.hpp"
#include "mnist/predict/classifier.hpp"

#include "class_summary.hpp"
#include "command.hpp"
#include "infer_output.hpp"

namespace mnist::cli {

struct PictureRunOptions {
  std::filesystem::path model;       // the network's file, for messages
  std::filesystem::path annotate;    // folder of the drawings, for messages; empty: none
  std::filesystem::path show_input;  // existing folder for the network's inputs; empty: none
  Invert invert = Invert::automatic;
  InferForm form = InferForm::lines;
  double min_probability = 0;                     // of an answer
  bool multi = false;                             // read all digits of a picture, instead of only counting them
  std::size_t batch_size = 64;                    // pictures in memory at a time; at least 1
  std::function<void(const std::string&)> write;  // takes the results; throws if they cannot be written
  ClassSummary* summary = nullptr;                // gets every prediction; nullptr: none
};

struct PictureFiles {
  std::vector<std::filesystem::path> images;
  std::vector<std::filesystem::path> annotated;  // path of each drawing; empty: none
  std::vector<std::filesystem::path> inputs;     // `input_names`; empty: none
};

class PictureRun {
 public:
  // Keeps references to all but `options`.
  PictureRun(PictureRunOptions options, const Classifier& classifier, const Context& context,
             const StopSignals& signals);

  // Writes the header of the results, then a result for each image that has one, in order; prints errors for the
  // others. After a signal, logs the number of finished images and throws `Stopped`; the current batch is omitted, so
  // that lines are complete. Throws what `options.write` throws.
  void answer(const PictureFiles& files);

  // Logs how many pictures were written to the folders of --annotate and --show-input.
  void tell_written() const;

  // Prints the error of a picture without a result, and counts it.
  void fail(const Error& error);
  std::int64_t failures() const { return failures_; }
  // Images with an answer, also if it is that there is no digit.
  std::int64_t answers() const { return answers_; }

 private:
  struct Picture;

  std::vector<Picture> decode(const PictureFiles& files, std::size_t begin, std::size_t end);
  void read(Picture& picture);
  void classify(std::span<Picture> pictures);
  std::vector<std::vector<ClassProbability>> classes_of(std::span<const Picture> pictures) const;
  void write(std::span<Picture> pictures);
  std::string result_of(const Picture& picture) const;
  void sum_up(const Picture& picture) const;
  void draw(Picture& picture);
  void show_input(const Picture& picture);
  void check_stop() const;

  PictureRunOptions options_;
  const Classifier& classifier_;
  const Context& context_;
  const StopSignals& signals_;
  DecodingMemory memory_;
  std::size_t count_ = 0;
  std::size_t done_ = 0;
  std::int64_t failures_ = 0;
  std::int64_t answers_ = 0;
  std::int64_t drawn_ = 0;   // written drawings
  std::int64_t inputs_ = 0;  // written inputs
};

}  // namespace mnist::cli
