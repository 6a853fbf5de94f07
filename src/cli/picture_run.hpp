// `mnist infer` over pictures: decodes them on all threads, classifies them a batch at a time, writes what comes out,
// and draws it where that is asked for. One picture that fails is told, and costs none of the others its answer.
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

#include "class_summary.hpp"
#include "classifier.hpp"
#include "command.hpp"
#include "infer_output.hpp"

namespace mnist::cli {

struct PictureRunOptions {
  std::filesystem::path model;       // the network's file, for messages
  std::filesystem::path show_input;  // a folder that is there, for what the network saw of the pictures; empty: none
  Invert invert = Invert::automatic;
  InferForm form = InferForm::lines;
  double min_probability = 0;                     // of an answer
  bool multi = false;                             // read all digits of a picture, instead of only saying how many
  std::size_t batch_size = 64;                    // pictures that are in memory at a time; at least 1
  std::function<void(const std::string&)> write;  // takes the results; throws if they cannot be written
  ClassSummary* summary = nullptr;                // gets every prediction; nullptr: none
};

struct PictureFiles {
  std::vector<std::filesystem::path> images;
  std::vector<std::filesystem::path> annotated;  // where each is drawn with its prediction; empty: nowhere
};

class PictureRun {
 public:
  // Keeps references to all but `options`.
  PictureRun(PictureRunOptions options, const Classifier& classifier, const Context& context,
             const StopSignals& signals);

  // Writes the header of the results, then a result for each image that has one, in their order; tells of the others.
  // Throws `Stopped` after a signal, having said in the log how far the work came: the batch that was begun is omitted,
  // so that a line that is written is whole. Throws what `options.write` throws.
  void answer(const PictureFiles& files);

  // Tells the user of one that cannot be answered, and counts it.
  void fail(const Error& error);
  std::int64_t failures() const { return failures_; }

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
};

}  // namespace mnist::cli
