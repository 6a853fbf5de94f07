#include "safetensors.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/text.hpp"

#include "bytes.hpp"
#include "crc.hpp"
#include "dtypes.hpp"
#include "file_errors.hpp"
#include "saturating.hpp"

namespace mnist {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLengthSize = 8;
constexpr std::uint64_t kMaxHeaderSize = 100'000'000;
constexpr std::string_view kChecksumKey = "\"mnist.crc32\":\"";  // as it stands in the header; cannot occur in a text
constexpr std::string_view kNoChecksum = "00000000";

struct Place {
  std::uint64_t begin = 0;  // in the data section, bytes
  std::uint64_t end = 0;
  std::string name;
  at::ScalarType type = at::kFloat;
  std::vector<std::int64_t> shape;

  // Tensors of no bytes may share their place with others.
  bool operator<(const Place& other) const {
    return std::tie(begin, end, name) < std::tie(other.begin, other.end, other.name);
  }
};

std::string_view header_of(std::string_view bytes, const std::string& source) {
  const auto size = load_little_endian<std::uint64_t>(bytes, 0);
  if (size > kMaxHeaderSize) throw damaged_error(source, fmt::format("its header would have {} bytes", size));
  if (size > bytes.size() - kLengthSize) throw truncated_error(source, "its header is not complete");
  return bytes.substr(kLengthSize, size);
}

Json parse_header(std::string_view header, const std::string& source) {
  std::set<std::string> names;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    // A header of nothing but brackets would take a hundred times its size in memory.
    if (depth > 3) throw damaged_error(source, "its header is nested too deeply");
    if (event == Json::parse_event_t::key && depth == 1 && !names.insert(parsed.get<std::string>()).second) {
      throw damaged_error(source, "its header has two entries " + quoted_name(parsed.get<std::string>()));
    }
    return true;
  };
  try {
    auto json = Json::parse(header, watch);
    if (!json.is_object()) throw damaged_error(source, "its header is not a JSON object");
    return json;
  } catch (const Json::exception&) {
    throw damaged_error(source, "its header is not JSON");
  }
}

Place place_of(const std::string& name, const Json& entry, const std::string& source) {
  const auto fail = [&](const std::string& what) {
    return damaged_error(source, "tensor " + quoted_name(name) + what);
  };
  const auto is_size = [](const Json& number) {
    return number.is_number_unsigned() && number.get<std::uint64_t>() <= std::uint64_t{1} << 40;
  };
  const auto sizes_of = [&](const char* key, std::size_t least, std::size_t most) {
    const auto& list = entry.at(key);
    if (!list.is_array() || list.size() < least || list.size() > most ||
        !std::all_of(list.begin(), list.end(), is_size)) {
      throw fail(fmt::format(" has no valid '{}'", key));
    }
    return list.get<std::vector<std::int64_t>>();
  };
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets") || !entry["dtype"].is_string()) {
    throw fail(" is not described by dtype, shape and data_offsets");
  }
  const auto dtype = entry["dtype"].get<std::string>();
  const auto type = type_of_safetensors(dtype);
  if (!type) {
    throw data_error(
        source + " holds tensor " + quoted_name(name) + " of type " + quoted_name(dtype) + ", which is not read",
        "save it in one of F32, F64, F16, BF16, I64, I32, I16, I8, U8, BOOL");
  }
  const auto offsets = sizes_of("data_offsets", 2, 2);
  Place place{static_cast<std::uint64_t>(offsets[0]), static_cast<std::uint64_t>(offsets[1]), name, *type,
              sizes_of("shape", 0, kMaxDimensions)};

  std::uint64_t size = c10::elementSize(*type);
  for (const auto length : place.shape) size = saturating_multiply(size, static_cast<std::uint64_t>(length));
  if (place.end < place.begin || place.end - place.begin != size || !addressable(place.shape)) {
    throw fail(" has another size than its shape");
  }
  return place;
}

// The text under `key`, "" where there is none.
std::string metadata_text(const Json& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  return found != metadata.end() ? found->get<std::string>() : "";
}

void check_metadata(const Json& metadata, const std::string& source) {
  const bool texts = metadata.is_object() &&
                     std::all_of(metadata.begin(), metadata.end(), [](const Json& value) { return value.is_string(); });
  if (!texts) throw damaged_error(source, "the metadata in its header is not text");
}

std::string checksum(std::string_view before, std::string_view after) {
  return fmt::format("{:08x}", crc32_of(after, crc32_of(kNoChecksum, crc32_of(before))));
}

void check_checksum(std::string_view bytes, std::string_view header, const Json& metadata, const std::string& source) {
  if (!metadata.contains("mnist") && !metadata.contains("mnist.crc32")) return;
  const auto key = header.find(kChecksumKey);
  const auto digits = kLengthSize + key + kChecksumKey.size();
  const auto expected = metadata_text(metadata, "mnist.crc32");
  if (key == std::string_view::npos || expected.size() != kNoChecksum.size() ||
      bytes.substr(digits, expected.size()) != expected ||
      checksum(bytes.substr(0, digits), bytes.substr(digits + expected.size())) != expected) {
    throw data_error(source + " is damaged: it does not match its checksum",
                     "copy or download the file again; a program that rewrites it must leave the entries 'mnist' and "
                     "'mnist.crc32' of its metadata out");
  }
}

at::Tensor read_tensor(const Place& place, std::string_view data) {
  // Booleans other than 0 and 1 would be undefined, so they are read as numbers first.
  auto tensor = at::empty(place.shape, place.type == at::kBool ? at::kByte : place.type);
  if (place.begin != place.end) {
    std::memcpy(tensor.data_ptr(), data.data() + place.begin, place.end - place.begin);
  }
  return place.type == at::kBool ? tensor.ne(0) : tensor;
}

}  // namespace

bool looks_like_safetensors(std::string_view bytes) {
  // A header of less than 4 GB that begins with an object.
  return bytes.size() > kLengthSize && load_little_endian<std::uint32_t>(bytes, 4) == 0 && bytes[kLengthSize] == '{';
}

ModelFile read_safetensors(std::string_view bytes, const std::string& source) {
  const auto header = header_of(bytes, source);
  const auto data = bytes.substr(kLengthSize + header.size());
  auto json = parse_header(header, source);
  auto metadata = Json::object();
  if (const auto found = json.find("__metadata__"); found != json.end()) {
    metadata = std::move(*found);
    json.erase(found);
  }
  check_metadata(metadata, source);

  std::vector<Place> places;
  for (const auto& [name, entry] : json.items()) places.push_back(place_of(name, entry, source));
  if (places.empty()) throw data_error(source + " holds no tensors", "give the file of a model");
  std::sort(places.begin(), places.end());
  std::uint64_t end = 0;
  for (const auto& place : places) {
    if (place.begin != end) {
      throw damaged_error(source, "tensor " + quoted_name(place.name) + " is not where the one before it ends");
    }
    end = place.end;
  }
  if (end > data.size())
    throw truncated_error(source, fmt::format("{} bytes of tensors are missing", end - data.size()));
  if (end < data.size()) throw damaged_error(source, "bytes follow its last tensor");
  check_checksum(bytes, header, metadata, source);

  ModelFile file;
  for (const auto& place : places) file.state.emplace_back(place.name, read_tensor(place, data));
  file.layout = "safetensors";
  if (metadata.contains("mnist")) file.recipe = recipe_from_json(metadata_text(metadata, "mnist"), source);
  return file;
}

void write_safetensors(Output& output, const NamedTensors& state, const Recipe& recipe) {
  auto header = nlohmann::ordered_json::object();
  header["__metadata__"] = {{"format", "pt"}, {"mnist", to_json(recipe)}, {"mnist.crc32", kNoChecksum}};
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : state) {
    const auto dtype = safetensors_of_type(tensor.scalar_type());
    header[name] = {
        {"dtype", dtype}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, offset + tensor.nbytes()}}};
    offset += tensor.nbytes();
  }
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string begin;
  append_little_endian(begin, std::uint64_t{text.size()});
  begin += text;

  const auto bytes_of = [](const at::Tensor& tensor) {
    return std::string_view(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
  };
  auto crc = crc32_of(begin);
  for (const auto& entry : state) crc = crc32_of(bytes_of(entry.second), crc);
  begin.replace(begin.find(kChecksumKey) + kChecksumKey.size(), kNoChecksum.size(), fmt::format("{:08x}", crc));
  output.write(begin);
  for (const auto& entry : state) output.write(bytes_of(entry.second));
}

}  // namespace mnist
