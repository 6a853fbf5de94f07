#include "tensor_protocol.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/json.hpp"
#include "mnist/core/text.hpp"
#include "mnist/predict/classifier.hpp"
#include "mnist/predict/prediction.hpp"

#include "byte_list.hpp"
#include "http_error.hpp"

namespace mnist {
namespace {

using nlohmann::json;

constexpr const char* kHeaderLength = "inference-header-content-length";
constexpr const char* kBinarySize = "binary_data_size";

// The JSON part of the body, and the bytes after it.
struct Parts {
  std::string_view json;
  std::string_view binary;
};

Parts parts_of(const HttpRequest& request) {
  const std::string_view body = request.body;
  const auto header = request.headers.find(kHeaderLength);
  if (header == request.headers.end()) return {body, {}};
  std::size_t length = 0;
  const char* const end = header->second.data() + header->second.size();
  const auto [rest, failure] = std::from_chars(header->second.data(), end, length);
  if (failure != std::errc() || rest != end || length > body.size()) {
    throw bad_request(fmt::format("Inference-Header-Content-Length is {}, but the body has {} bytes",
                                  quoted_name(header->second), body.size()));
  }
  return {body.substr(0, length), body.substr(length)};
}

json parse_call(std::string_view text) {
  try {
    json object = parse_bounded_json(text);
    if (!object.is_object()) throw bad_request("the request is not a JSON object");
    return object;
  } catch (const std::invalid_argument& error) {
    throw bad_request(fmt::format("the request cannot be read: {}", error.what()));
  }
}

std::ptrdiff_t as_offset(std::size_t position) {
  return static_cast<std::ptrdiff_t>(position);
}

// The call, in which the list of pixels is empty if it is read already.
json read_call(std::string_view text, const std::optional<ByteList>& list) {
  if (!list) return parse_call(text);
  std::string rest;
  rest.reserve(text.size() - (list->end - list->begin) + 2);
  rest.append(text, 0, list->begin).append("[]").append(text, list->end);
  try {
    return parse_call(rest);
  } catch (const HttpError&) {
    std::string blank(text);  // in which the error has its place
    std::fill(blank.begin() + as_offset(list->begin) + 1, blank.begin() + as_offset(list->end) - 1, ' ');
    return parse_call(blank);
  }
}

// The value under `key`, if it is there and not null. Throws if it is of another type.
const json* member(const json& object, const char* key, json::value_t type, const char* type_name) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return nullptr;
  if (found->type() != type) throw bad_request(fmt::format("\"{}\" is not {}", key, type_name));
  return &*found;
}

std::string string_member(const json& object, const char* key) {
  const json* const value = member(object, key, json::value_t::string, "a string");
  return value == nullptr ? "" : value->get<std::string>();
}

bool flag_member(const json& object, const char* key) {
  const json* const value = member(object, key, json::value_t::boolean, "true or false");
  return value != nullptr && value->get<bool>();
}

const json& parameters_of(const json& object) {
  static const json none = json::object();
  const json* const parameters = member(object, "parameters", json::value_t::object, "an object");
  return parameters == nullptr ? none : *parameters;
}

std::string shape_text(const Preprocessing& wanted) {
  return fmt::format("[N, {}, {}, {}]", wanted.channels, wanted.height, wanted.width);
}

// Number of images in a shape.
std::int64_t images_in(const json& input, const Preprocessing& wanted) {
  constexpr std::uint64_t kMostImages = 100'000;
  const json* const shape = member(input, "shape", json::value_t::array, "a list");
  if (shape != nullptr && shape->size() == 4 && shape->front().is_number_unsigned()) {
    const auto images = shape->front().get<std::uint64_t>();
    const bool fits = *shape == json({images, wanted.channels, wanted.height, wanted.width});
    if (fits && images >= 1 && images <= kMostImages) return static_cast<std::int64_t>(images);
  }
  throw bad_request(fmt::format("\"{}\" has the shape {}, but the model takes {}", kPixels,
                                shape == nullptr ? "null" : quoted_name(json_text(*shape)), shape_text(wanted)),
                    "one image needs the shape with N = 1");
}

// Appends the numbers of nested lists in their order.
void flatten(const json& data, std::vector<std::uint8_t>& bytes, std::size_t most) {
  for (const json& value : data) {
    if (value.is_array()) {
      flatten(value, bytes, most);
      continue;
    }
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 255) {
      throw bad_request(
          fmt::format("\"data\" has a value that is not an integer from 0 to 255: {}", quoted_name(json_text(value))),
          "pixels are bytes, light digits on dark");
    }
    if (bytes.size() == most) throw bad_request(fmt::format("\"data\" has more than {} values", most));
    bytes.push_back(value.get<std::uint8_t>());
  }
}

// `plain`: the list, if it is read already.
std::vector<std::uint8_t> listed_bytes(const json& input, std::optional<ByteList> plain, std::size_t count) {
  const json* const data = member(input, "data", json::value_t::array, "a list");
  if (data == nullptr) throw bad_request(fmt::format("the input \"{}\" has no data", kPixels));
  std::vector<std::uint8_t> bytes;
  if (plain) {
    bytes = std::move(plain->bytes);
    if (bytes.size() > count) throw bad_request(fmt::format("\"data\" has more than {} values", count));
  } else {
    bytes.reserve(std::min(count, data->size()));
    flatten(*data, bytes, count);
  }
  if (bytes.size() != count) {
    throw bad_request(fmt::format("\"data\" has {} values, but the shape needs {}", bytes.size(), count));
  }
  return bytes;
}

// The bytes of a binary input, which it says the number of.
std::optional<std::size_t> binary_size(const json& input) {
  const json* const size =
      member(parameters_of(input), kBinarySize, json::value_t::number_unsigned, "a positive integer");
  return size == nullptr ? std::nullopt : std::optional(size->get<std::size_t>());
}

torch::Tensor pixels_of(const json& input, std::optional<ByteList> plain, std::string_view binary,
                        const Preprocessing& wanted) {
  if (const std::string type = string_member(input, "datatype"); type != "UINT8") {
    throw bad_request(fmt::format("\"{}\" has the datatype {}, but the model takes UINT8", kPixels, quoted_name(type)),
                      "pixels are bytes from 0 to 255; the server normalises them");
  }
  const std::int64_t images = images_in(input, wanted);
  const auto count = static_cast<std::size_t>(images * wanted.channels * wanted.height * wanted.width);
  const auto from_bytes = [&](const void* bytes) {
    torch::Tensor pixels = at::empty({images, wanted.channels, wanted.height, wanted.width}, torch::kUInt8);
    std::memcpy(pixels.mutable_data_ptr(), bytes, count);
    return pixels;
  };
  if (const auto size = binary_size(input)) {
    if (*size != count || binary.size() != count) {
      throw bad_request(fmt::format("the binary data has {} bytes and {} is {}, but the shape needs {}", binary.size(),
                                    kBinarySize, *size, count));
    }
    return from_bytes(binary.data());
  }
  if (!binary.empty()) throw bad_request(fmt::format("there are bytes after the JSON, but no {}", kBinarySize));
  if (count > kMaxJsonBytes) throw bad_request(fmt::format("\"data\" needs {} values: that is too many", count));
  return from_bytes(listed_bytes(input, std::move(plain), count).data());
}

std::vector<WantedOutput> outputs_of(const json& call) {
  const bool all_binary = flag_member(parameters_of(call), "binary_data_output");
  const json* const list = member(call, "outputs", json::value_t::array, "a list");
  if (list == nullptr || list->empty()) return {{kProbabilities, all_binary}, {kLogits, all_binary}};
  std::vector<WantedOutput> outputs;
  for (const json& output : *list) {
    if (!output.is_object()) throw bad_request("\"outputs\" has something that is not an object");
    const std::string name = string_member(output, "name");
    if (name != kProbabilities && name != kLogits) {
      throw bad_request(fmt::format("the model has no output {}", quoted_name(name)),
                        fmt::format("it has \"{}\" and \"{}\"", kProbabilities, kLogits));
    }
    const json& parameters = parameters_of(output);
    if (parameters.contains("classification")) {
      throw bad_request("the parameter \"classification\" is not supported",
                        "/predict gives the most probable classes with their names");
    }
    if (std::ranges::any_of(outputs, [&](const WantedOutput& other) { return other.name == name; })) {
      throw bad_request(fmt::format("the output {} is wanted twice", quoted_name(name)));
    }
    outputs.push_back({name, parameters.contains("binary_data") ? flag_member(parameters, "binary_data") : all_binary});
  }
  return outputs;
}

// A double that JSON shows with the digits of the float: 0.1 instead of 0.10000000149011612.
double as_shown(float value) {
  return std::strtod(fmt::format("{}", value).c_str(), nullptr);
}

// [N, classes] in one row of floats.
std::vector<float> values_of(const std::string& output, const Recipe& recipe, const torch::Tensor& logits) {
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(logits.numel()));
  if (output == kLogits) {
    const torch::Tensor whole = logits.contiguous();
    values.assign(whole.const_data_ptr<float>(), whole.const_data_ptr<float>() + whole.numel());
    return values;
  }
  for (const std::vector<double>& row : probabilities_of(logits, recipe)) {
    for (const double value : row) values.push_back(static_cast<float>(value));
  }
  return values;
}

// `plain`: the list of pixels in the JSON, if it is a plain one.
InferCall call_of(const Parts& parts, std::optional<ByteList> plain, const Preprocessing& preprocessing) {
  const json call = read_call(parts.json, plain);
  const json* const inputs = member(call, "inputs", json::value_t::array, "a list");
  if (inputs == nullptr || inputs->size() != 1 || !inputs->front().is_object()) {
    throw bad_request(fmt::format("\"inputs\" must be a list of one object, \"{}\"", kPixels));
  }
  const json& input = inputs->front();
  if (const std::string name = string_member(input, "name"); name != kPixels) {
    throw bad_request(fmt::format("the model has no input {}", quoted_name(name)),
                      fmt::format("its input is \"{}\", UINT8 {}", kPixels, shape_text(preprocessing)));
  }
  return {string_member(call, "id"), pixels_of(input, std::move(plain), parts.binary, preprocessing), outputs_of(call)};
}

}  // namespace

InferCall parse_infer(const HttpRequest& request, const Preprocessing& preprocessing) {
  const Parts parts = parts_of(request);
  std::optional<ByteList> list;
  if (parts.json.size() <= kMaxJsonBytes) list = find_byte_list(parts.json);
  return call_of(parts, std::move(list), preprocessing);
}

std::optional<InferCall> parse_quick_infer(const HttpRequest& request, const Preprocessing& preprocessing) {
  constexpr std::size_t kMostBytes = 16 << 10;
  constexpr std::size_t kMostJson = 1 << 10;
  if (request.body.size() > kMostBytes) return std::nullopt;
  const Parts parts = parts_of(request);
  std::optional<ByteList> list = find_byte_list(parts.json);
  const std::size_t json_bytes = parts.json.size() - (list ? list->end - list->begin : 0);
  if (json_bytes > kMostJson) return std::nullopt;
  return call_of(parts, std::move(list), preprocessing);
}

HttpReply infer_reply(const InferCall& call, const std::string& model, const std::string& version, const Recipe& recipe,
                      const torch::Tensor& logits) {
  if (!at::isfinite(logits).all().item<bool>()) throw not_finite_error(model);
  nlohmann::ordered_json answer = {{"model_name", model}, {"model_version", version}};
  if (!call.id.empty()) answer["id"] = call.id;
  answer["outputs"] = nlohmann::ordered_json::array();
  std::string binary;
  for (const WantedOutput& wanted : call.outputs) {
    nlohmann::ordered_json output = {
        {"name", wanted.name}, {"datatype", "FP32"}, {"shape", {logits.size(0), logits.size(1)}}};
    const std::vector<float> values = values_of(wanted.name, recipe, logits);
    if (wanted.binary) {
      const std::size_t size = values.size() * sizeof(float);
      output["parameters"] = {{kBinarySize, size}};
      binary.append(reinterpret_cast<const char*>(values.data()), size);
    } else {
      auto data = nlohmann::ordered_json::array();
      for (const float value : values) data.push_back(as_shown(value));
      output["data"] = std::move(data);
    }
    answer["outputs"].push_back(std::move(output));
  }
  HttpReply reply{.body = json_text(answer)};
  if (!binary.empty()) {
    reply.type = "application/octet-stream";
    reply.headers.emplace_back("Inference-Header-Content-Length", std::to_string(reply.body.size()));
    reply.body += binary;
  }
  return reply;
}

}  // namespace mnist
