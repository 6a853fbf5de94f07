#include "picture_request.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include <ATen/ops/stack.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/base64.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/text.hpp"
#include "mnist/format/image.hpp"
#include "mnist/predict/classifier.hpp"
#include "mnist/predict/prediction.hpp"

#include "http_error.hpp"
#include "multipart.hpp"

namespace mnist {
namespace {

constexpr const char* kPictureHint =
    "send a PNG or JPEG file, as in: curl -F image=@digit.png http://127.0.0.1:8080/predict; "
    "tensors go to /v2/models/NAME/infer";

double number_of(const std::string& name, const std::string& text, double lowest, double highest) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= lowest && value <= highest)) {
    throw bad_request(
        fmt::format("{} is {}, but must be a number from {} to {}", name, quoted_name(text), lowest, highest));
  }
  return value;
}

bool flag_of(const std::string& name, const std::string& text) {
  if (text.empty() || text == "1" || text == "true") return true;
  if (text == "0" || text == "false") return false;
  throw bad_request(fmt::format("{} is {}, but must be 1 or 0", name, quoted_name(text)));
}

Invert invert_of(const std::string& text) {
  try {
    return invert_from_name(text);
  } catch (const Error&) {
    throw bad_request(fmt::format("invert is {}, but must be auto, always or never", quoted_name(text)));
  }
}

// The last part of the name that the client gives: it may be a whole path of its machine.
std::string file_name(const std::string& name) {
  const std::size_t slash = name.find_last_of("/\\");
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

// Empty if the body is a form without a file.
std::vector<UploadedFile> files_of(HttpRequest& request) {
  const std::string type = request.header("content-type");
  if (is_multipart(type)) return uploaded_files(type, request.body);
  if (lower_case(type).starts_with("application/x-www-form-urlencoded")) {
    // curl --data-binary sends this type whatever the content is.
    const bool is_picture = request.body.starts_with("\x89PNG") || request.body.starts_with("\xff\xd8");
    if (!is_picture) return {};
  }
  if (request.body.empty()) return {};
  std::vector<UploadedFile> files(1);
  files.front() = {"body", std::move(request.body)};
  return files;
}

}  // namespace

PredictOptions predict_options(const HttpRequest& request) {
  constexpr double kMostClasses = 100'000;
  PredictOptions options;
  for (const auto& [name, value] : request.query) {
    if (name == "top_k") {
      const double number = number_of(name, value, 1, kMostClasses);
      if (number != std::floor(number)) throw bad_request("top_k must be an integer");
      options.top_k = static_cast<std::int64_t>(number);
    } else if (name == "min_probability") {
      options.min_probability = number_of(name, value, 0, 1);
    } else if (name == "invert") {
      options.invert = invert_of(value);
    } else if (name == "multi") {
      options.multi = flag_of(name, value);
    } else if (name == "show_input") {
      options.show_input = flag_of(name, value);
    } else if (name != "model" && name != "version") {
      throw bad_request(fmt::format("/predict has no parameter {}", quoted_name(name)),
                        "it has model, version, top_k, min_probability, invert, multi and show_input");
    }
  }
  return options;
}

PictureRequest::PictureRequest(HttpRequest& request, const PredictOptions& options,
                               std::shared_ptr<const ModelFacts> facts, DecodingMemory& memory)
    : options_(options), facts_(std::move(facts)) {
  if (options_.multi && facts_->recipe.preprocessing.kind == Preprocessing::Kind::photo) {
    throw bad_request(fmt::format("multi reads digits, but {} is a model for photos", facts_->source.name));
  }
  auto files = files_of(request);
  if (files.empty()) {
    throw bad_request("the request has no picture", kPictureHint);
  }
  for (UploadedFile& file : files) {
    const std::string name = as_utf8(file_name(file.name));
    Picture& picture = pictures_.emplace_back(Picture{name.empty() ? "picture" : name});
    try {
      read(picture, std::move(file.content), memory);
    } catch (const Error& error) {
      if (files.size() == 1) throw bad_request(error.what(), kPictureHint);
      picture.error = Error(error.kind(), error.what(), kPictureHint);
    }
  }
}

void PictureRequest::read(Picture& picture, std::string content, DecodingMemory& memory) {
  const InputFile file({std::move(content)}, picture.name, "image");
  count_work(file);
  auto found = find_items(file, facts_->recipe.preprocessing, options_.invert, memory);
  picture.items = std::move(found.items);
  picture.note = found.note;
  if (!options_.multi && picture.items.size() != 1) {
    picture.reason = reason_for(picture.items.size(), "multi=1");
    picture.items.clear();
  }
  constexpr std::size_t kMostItems = 1024;
  items_ += picture.items.size();
  if (items_ > kMostItems) throw bad_request("the pictures show more than 1,024 digits", "send several requests");
}

// One request must not keep a thread busy for minutes.
void PictureRequest::count_work(const InputFile& file) {
  constexpr std::int64_t kMostPixels = 250'000'000;
  const ImageReader header(file);
  decoded_ += header.height() * header.width();
  if (decoded_ > kMostPixels) {
    throw bad_request("the pictures have more than 250 million pixels", "send smaller ones, or several requests");
  }
}

torch::Tensor PictureRequest::pixels() const {
  std::vector<torch::Tensor> inputs;
  for (const Picture& picture : pictures_) {
    for (const FoundItem& item : picture.items) inputs.push_back(item.input);
  }
  return inputs.empty() ? torch::Tensor() : at::stack(inputs);
}

std::string PictureRequest::line_of(const Picture& picture,
                                    std::vector<std::vector<ClassProbability>>::iterator& next) const {
  nlohmann::ordered_json object;
  if (picture.error) {
    object = {{"path", picture.name}, {"error", picture.error->what()}};
    if (!picture.error->hint().empty()) object["hint"] = picture.error->hint();
    return json_text(object) + "\n";
  }
  std::vector<DigitPrediction> digits;
  for (const FoundItem& item : picture.items) {
    Prediction prediction{picture.name, std::nullopt, std::move(*next++), ""};
    if (prediction.top.empty()) {
      throw not_finite_error(facts_->source.name);
    }
    digits.push_back({if_sure(std::move(prediction), options_.min_probability), item.box, item.line});
  }
  if (options_.multi) {
    object = json_of(picture.name, digits, std::nullopt);
  } else {
    object = json_of(digits.empty() ? Prediction{picture.name, std::nullopt, {}, picture.reason}
                                    : digits.front().prediction);
  }
  object["model"] = facts_->source.name;
  object["version"] = std::to_string(facts_->source.version);
  object["sha256"] = facts_->sha256;
  if (const std::string note = text_of(picture.note); !note.empty()) object["note"] = note;
  if (options_.show_input) {
    object["inputs"] = nlohmann::ordered_json::array();
    for (const FoundItem& item : picture.items) {
      object["inputs"].push_back("data:image/png;base64," + base64(png_bytes(item.input.permute({1, 2, 0}))));
    }
  }
  return json_text(object) + "\n";
}

HttpReply PictureRequest::reply(const torch::Tensor& logits) const {
  auto classes = logits.defined() ? top_classes(logits, facts_->recipe, options_.top_k)
                                  : std::vector<std::vector<ClassProbability>>{};
  auto next = classes.begin();
  HttpReply reply{.type = pictures_.size() == 1 ? "application/json" : "application/x-ndjson"};
  for (const Picture& picture : pictures_) reply.body += line_of(picture, next);
  if (std::ranges::all_of(pictures_, [](const Picture& picture) { return picture.error.has_value(); })) {
    reply.status = 400;
  }
  return reply;
}

}  // namespace mnist
