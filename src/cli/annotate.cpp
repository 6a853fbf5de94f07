#include "annotate.hpp"

#include <string>
#include <system_error>

#include <fmt/format.h>

#include "mnist/data/read_picture.hpp"
#include "mnist/report/pictures.hpp"

namespace mnist::cli {
namespace {

// The begin of `text`, `longest` bytes at most, without a part of a character of UTF-8.
std::string begin_of(const std::string& text, std::size_t longest) {
  if (text.size() <= longest) return text;
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

constexpr std::size_t kLongestName = 200;  // bytes; file systems take 255, and the temporary file's name is longer

}  // namespace

std::filesystem::path unused_png(const std::filesystem::path& folder, const std::string& name) {
  const std::string stem = begin_of(name, kLongestName);
  std::filesystem::path path = folder / (stem + ".png");
  std::error_code ignored;
  for (int number = 2; std::filesystem::exists(path, ignored); ++number) {
    path = folder / fmt::format("{}-{}.png", stem, number);
  }
  return path;
}

std::filesystem::path annotated_path(const std::filesystem::path& folder, const std::filesystem::path& model,
                                     const std::filesystem::path& image) {
  constexpr std::size_t kModel = 60;
  const auto named = [](const std::string& of_model, const std::string& of_image) {
    return fmt::format("{}_prediction_{}", of_model, of_image);
  };
  std::string stem = named(model.stem().string(), image.stem().string());
  if (stem.size() > kLongestName) stem = named(begin_of(model.stem().string(), kModel), image.stem().string());
  return unused_png(folder, stem);
}

std::filesystem::path input_path(const std::filesystem::path& folder, const std::filesystem::path& image,
                                 std::size_t digit) {
  const std::string stem = begin_of(image.stem().string(), kLongestName - 20);
  return unused_png(folder, digit == 0 ? stem : fmt::format("{}-digit{}", stem, digit));
}

std::string caption_of(const Prediction& prediction) {
  std::string caption = prediction.reason;
  for (const ClassProbability& one : prediction.top) {
    caption += fmt::format("{}{:.1f} %  {}", caption.empty() ? "" : "\n", 100 * one.probability, one.name);
  }
  return caption;
}

void annotate(const std::filesystem::path& path, const std::filesystem::path& image, const std::string& caption,
              DecodingMemory& memory) {
  // Decoded once more: to keep a whole batch of photos at their full size would take gigabytes.
  with_picture(image, Colors::rgb, memory, [&](const torch::Tensor& planes) {
    draw_image(path, {planes, caption});
    return planes;
  });
}

}  // namespace mnist::cli
