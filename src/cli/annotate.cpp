#include "annotate.hpp"

#include <cmath>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/sha256.hpp"
#include "mnist/core/text.hpp"
#include "mnist/data/read_picture.hpp"
#include "mnist/format/image.hpp"
#include "mnist/report/pictures.hpp"

namespace mnist::cli {
namespace {

constexpr std::size_t kLongestName = 200;  // bytes; the limit of file systems is 255

// "stdin" for "-".
std::filesystem::path name_of(const std::filesystem::path& path) {
  return is_stdin(path) ? std::filesystem::path("stdin") : path;
}

std::filesystem::path whole_path(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::absolute(path, ignored).lexically_normal();
}

// Parts of the name of an image's drawing, relative to the output folder.
struct DrawingName {
  std::filesystem::path image;
  std::size_t folders = 0;  // number of parent folders in the name
  bool all = false;         // keep .png, too

  std::filesystem::path text() const {
    std::filesystem::path text = image.extension() == ".png" && !all ? image.stem() : image.filename();
    std::filesystem::path above = image.parent_path();
    for (std::size_t i = 0; i < folders && above.has_relative_path(); ++i) {
      text = above.filename() / text;
      above = above.parent_path();
    }
    return text;
  }
};

// Extends names that several images share. Returns false if there are none.
bool tell_apart(std::vector<DrawingName>& names) {
  std::map<std::filesystem::path, std::vector<DrawingName*>> by_text;
  for (DrawingName& name : names) by_text[name.text()].push_back(&name);
  bool changed = false;
  for (const auto& [text, group] : by_text) {
    std::map<std::filesystem::path, std::set<std::filesystem::path>> by_folder;
    for (const DrawingName* name : group) by_folder[name->image.parent_path()].insert(name->image);
    const bool several = by_folder.size() > 1;
    const bool same_folder =  // a.jpg and a.jpg.png
        std::ranges::any_of(by_folder, [](const auto& folder) { return folder.second.size() > 1; });
    for (DrawingName* name : group) {
      if (several) ++name->folders;
      if (same_folder) name->all = true;
    }
    changed = changed || several || same_folder;
  }
  return changed;
}

void make_distinct(std::vector<DrawingName>& names) {
  while (tell_apart(names)) {
  }
}

// The boxes of digits as parts of the picture's sides: it may be decoded at half its size.
std::vector<MarkedBox> boxes_of(const std::vector<DigitPrediction>& digits, const InputFile& image) {
  if (digits.empty()) return {};
  const ImageReader header(image);
  constexpr int kFirstOnItsSide = 5;  // of EXIF's orientations
  const bool on_its_side = header.orientation() >= kFirstOnItsSide;
  const auto width = static_cast<double>(on_its_side ? header.height() : header.width());
  const auto height = static_cast<double>(on_its_side ? header.width() : header.height());
  std::vector<MarkedBox> boxes;
  boxes.reserve(digits.size());
  for (const DigitPrediction& digit : digits) {
    boxes.push_back({static_cast<double>(digit.box.left) / width, static_cast<double>(digit.box.top) / height,
                     static_cast<double>(digit.box.width) / width, static_cast<double>(digit.box.height) / height,
                     digits_text({digit})});
  }
  return boxes;
}

std::string file_name(const std::string& model, const std::string& image) {
  const std::string name = fmt::format("{}_prediction_{}", model, image);
  if (name.size() <= kLongestName) return name + ".png";
  constexpr std::size_t kDigits = 8;
  return fmt::format("{}~{}.png", begin_of(name, kLongestName - kDigits - 1), sha256_hex(name).substr(0, kDigits));
}

}  // namespace

std::string begin_of(const std::string& text, std::size_t longest) {
  if (text.size() <= longest) return text;
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

void tell_older_pictures(const std::filesystem::path& folder, spdlog::logger& log) {
  std::int64_t count = 0;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".png") ++count;
  }
  if (count > 0) log.info("{} already has {}", quoted(folder), counted(count, "PNG file"));
}

std::filesystem::path unused_png(const std::filesystem::path& folder, const std::string& name) {
  const std::string stem = begin_of(name, kLongestName);
  std::filesystem::path path = folder / (stem + ".png");
  std::error_code ignored;
  for (int number = 2; std::filesystem::exists(path, ignored); ++number) {
    path = folder / fmt::format("{}-{}.png", stem, number);
  }
  return path;
}

std::vector<std::filesystem::path> annotated_paths(const std::filesystem::path& folder,
                                                   const std::filesystem::path& model,
                                                   const std::vector<ImageFile>& images) {
  std::vector<DrawingName> names;
  std::set<std::filesystem::path> read;
  for (const ImageFile& image : images) {
    names.push_back({whole_path(name_of(image.path)), image.folders});
    read.insert(whole_path(image.path));
  }
  make_distinct(names);
  std::vector<std::filesystem::path> paths;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const std::filesystem::path text = names[i].text();
    paths.push_back(folder / text.parent_path() / file_name(name_of(model).stem().string(), text.filename().string()));
    if (!read.contains(whole_path(paths.back()))) continue;
    throw usage_error(
        fmt::format("the drawing of {} would replace the input {}", quoted(images[i].path), quoted(paths.back())),
        "choose another folder with --annotate");
  }
  return paths;
}

std::vector<std::filesystem::path> input_names(const std::vector<ImageFile>& images) {
  std::vector<DrawingName> names;
  names.reserve(images.size());
  for (const ImageFile& image : images) names.push_back({whole_path(name_of(image.path)), image.folders});
  make_distinct(names);
  std::vector<std::filesystem::path> found;
  found.reserve(names.size());
  for (const DrawingName& name : names) found.push_back(name.text().parent_path() / name.image.stem());
  return found;
}

std::filesystem::path input_path(const std::filesystem::path& folder, const std::filesystem::path& name,
                                 std::size_t digit) {
  const std::filesystem::path place = folder / name.parent_path();
  make_folder(place, "choose another folder with --show-input");
  const std::string stem = begin_of(name.filename().string(), kLongestName - 20);
  return unused_png(place, digit == 0 ? stem : fmt::format("{}-digit{}", stem, digit));
}

std::string caption_of(const Prediction& prediction) {
  std::string caption = prediction.reason;
  const bool unsure = !prediction.reason.empty();
  for (const ClassProbability& one : prediction.top) {
    // Rounded down, an unsure answer does not look like a sure one.
    const double percent = unsure ? std::floor(1000 * one.probability) / 10 : 100 * one.probability;
    caption += fmt::format("{}{:.1f} %  {}", caption.empty() ? "" : "\n", percent, one.name);
  }
  return caption;
}

void annotate(const std::filesystem::path& path, const InputFile& image, const std::string& caption,
              const std::vector<DigitPrediction>& digits, DecodingMemory& memory) {
  make_folder(path.parent_path(), "choose another folder with --annotate");
  // Decode it again: a batch of photos in full size would need gigabytes.
  with_picture(image, Colors::rgb, memory, [&](const torch::Tensor& planes) {
    draw_image(path, {planes, caption, CaptionedImage::Mark::none, boxes_of(digits, image)});
    return planes;
  });
}

}  // namespace mnist::cli
