#include "mnist/export/triton.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"

namespace mnist {
namespace {

constexpr const char* kLabels = "labels.txt";

std::string_view triton_type(OnnxType type) {
  return type == OnnxType::uint8 ? "TYPE_UINT8" : "TYPE_FP32";
}

// An entry of the list `input` or `output`, without the batch size. Names of this program need no escapes.
std::string entry(const char* list, const OnnxValue& value, std::string_view more = "") {
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 1; i < value.shape.size(); ++i) sizes.push_back(std::get<std::int64_t>(value.shape[i]));
  return fmt::format("{} [\n  {{\n    name: \"{}\"\n    data_type: {}\n    dims: [ {} ]\n{}  }}\n]\n", list, value.name,
                     triton_type(value.type), fmt::join(sizes, ", "), more);
}

// The number of a version folder; 0 if it is none.
std::int64_t version_of(const std::filesystem::path& folder) {
  const std::string name = folder.filename().string();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  constexpr std::int64_t kLargest = 1'000'000'000;
  const bool is_number = error == std::errc() && end == name.data() + name.size();
  return is_number && number > 0 && number < kLargest ? number : 0;
}

std::int64_t largest_version(const std::filesystem::path& model) {
  std::int64_t largest = 0;
  std::error_code error;
  std::filesystem::directory_iterator item(model, error);
  for (; !error && item != std::filesystem::directory_iterator(); item.increment(error)) {
    largest = std::max(largest, version_of(item->path()));
  }
  return largest;
}

// Whether the file is there with this content. Throws if it has another one and must not be replaced.
bool is_there(const std::filesystem::path& path, const std::string& content, bool overwrite) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return false;
  constexpr std::uintmax_t kMostBytes = 16 << 20;
  if (overwrite || std::filesystem::is_empty(path, ignored)) return false;
  if (read_file(path, "file", kMostBytes) == content) return true;
  throw data_error(fmt::format("{} is there already, of another model or changed", quoted(path)),
                   "it is for all versions of a model: choose another --name, or replace it with --overwrite");
}

// Moves `prepared` to the folder of the next version. Another process may be doing the same.
TritonVersion move_to_next_version(const std::filesystem::path& model, const std::filesystem::path& prepared) {
  for (std::int64_t number = largest_version(model) + 1;; ++number) {
    TritonVersion version{model / std::to_string(number), number};
    std::error_code error;
    std::filesystem::rename(prepared, version.folder, error);
    if (!error) return version;
    if (error != std::errc::file_exists && error != std::errc::directory_not_empty) {
      throw data_error(fmt::format("cannot create the folder {}: {}", quoted(version.folder), error.message()),
                       "choose another --output");
    }
  }
}

}  // namespace

bool is_triton_name(const std::string& name) {
  constexpr std::size_t kLongest = 100;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  return !name.empty() && name.size() <= kLongest && name.front() != '.' && std::ranges::all_of(name, allowed);
}

std::string triton_config(const TritonModel& model, const OnnxModel& onnx) {
  std::string text =
      fmt::format("name: \"{}\"\nplatform: \"onnxruntime_onnx\"\nmax_batch_size: {}\n", model.name, model.max_batch);
  for (const OnnxValue& input : onnx.inputs) text += entry("input", input);
  const std::string labels = fmt::format("    label_filename: \"{}\"\n", kLabels);
  for (const OnnxValue& output : onnx.outputs) text += entry("output", output, labels);
  return text + "dynamic_batching { }\n";
}

std::string triton_labels(const TritonModel& model) {
  std::string text;
  for (const std::string& name : model.class_names) text += printable(name) + "\n";
  return text;
}

TritonVersion write_triton(const std::filesystem::path& repository, const TritonModel& model, const OnnxModel& onnx,
                           bool overwrite, FileSystem& files) {
  const std::filesystem::path folder = repository / model.name;
  const std::pair<std::filesystem::path, std::string> common[] = {{folder / "config.pbtxt", triton_config(model, onnx)},
                                                                  {folder / kLabels, triton_labels(model)}};
  std::vector<bool> there;
  for (const auto& [path, content] : common) there.push_back(is_there(path, content, overwrite));
  // The server must not see a version without its model, and a model that cannot be written must change nothing.
  const std::filesystem::path prepared = unused_path(folder / ".new");
  make_folder(prepared, "choose another --output");
  try {
    write_file_atomically(prepared / "model.onnx", to_onnx(onnx), files);
    for (std::size_t i = 0; i < there.size(); ++i) {
      if (!there[i]) write_file_atomically(common[i].first, common[i].second, files);
    }
    return move_to_next_version(folder, prepared);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(prepared, ignored);
    throw;
  }
}

}  // namespace mnist
