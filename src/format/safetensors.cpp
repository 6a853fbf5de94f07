#include "safetensors.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/json.hpp"
#include "mnist/core/text.hpp"

#include "bytes.hpp"
#include "crc.hpp"
#include "dtypes.hpp"
#include "file_errors.hpp"
#include "model_limits.hpp"
#include "saturating.hpp"

namespace mnist {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLengthSize = 8;
constexpr std::string_view kChecksumKey =
    "\"mnist.crc32\":\"";  // as written in the header; cannot occur inside a JSON string
constexpr std::string_view kNoChecksum = "00000000";

struct Place {
  std::uint64_t begin = 0;  // in the data section, bytes
  std::uint64_t end = 0;
  std::string name;
  at::ScalarType type = at::kFloat;
  std::vector<std::int64_t> shape;

  // Tensors without bytes may share their offset with others.
  bool operator<(const Place& other) const {
    return std::tie(begin, end, name) < std::tie(other.begin, other.end, other.name);
  }
};

std::string read_header(const FileBytes& bytes) {
  const auto size = load_little_endian<std::uint64_t>(bytes.read(0, kLengthSize), 0);
  if (size > kMaxJsonBytes) {
    throw damaged_error(bytes.name(),
                        fmt::format("its header would have {} bytes, the limit is {}", size, kMaxJsonBytes));
  }
  if (size > bytes.size() - kLengthSize) throw truncated_error(bytes.name(), "its header is not complete");
  return bytes.read(kLengthSize, static_cast<std::size_t>(size));
}

Json parse_header(std::string_view header, const std::string& source) {
  try {
    auto json = parse_bounded_json(header);
    if (!json.is_object()) throw damaged_error(source, "its header is not a JSON object");
    return json;
  } catch (const std::invalid_argument& error) {
    throw damaged_error(source, fmt::format("its header cannot be read: {}", error.what()));
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
        source + " holds tensor " + quoted_name(name) + " of type " + quoted_name(dtype) + ", which is not supported",
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

// The text under `key`; "" if there is none.
std::string metadata_text(const Json& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  return found != metadata.end() ? found->get<std::string>() : "";
}

void check_metadata(const Json& metadata, const std::string& source) {
  const bool texts = metadata.is_object() &&
                     std::all_of(metadata.begin(), metadata.end(), [](const Json& value) { return value.is_string(); });
  if (!texts) throw damaged_error(source, "the metadata in its header is not text");
}

void check_checksum(const FileBytes& bytes, std::string_view header, const Json& metadata) {
  if (!metadata.contains("mnist") && !metadata.contains("mnist.crc32")) return;
  const auto key = header.find(kChecksumKey);
  const auto digits = key == std::string_view::npos ? header.size() : key + kChecksumKey.size();
  const auto expected = metadata_text(metadata, "mnist.crc32");
  bool right = expected.size() == kNoChecksum.size() && header.substr(digits, expected.size()) == expected;
  if (right) {
    auto crc = crc32_of(header.substr(0, digits), bytes.crc32(0, kLengthSize));
    crc = crc32_of(header.substr(digits + expected.size()), crc32_of(kNoChecksum, crc));
    const auto data = kLengthSize + header.size();
    right = fmt::format("{:08x}", bytes.crc32(data, bytes.size() - data, crc)) == expected;
  }
  if (!right) {
    throw data_error(bytes.name() + " is damaged: it does not match its checksum",
                     "copy or download the file again; a program that rewrites it must omit the entries 'mnist' and "
                     "'mnist.crc32' of its metadata");
  }
}

// The tensors' offsets in the order of their bytes. `size`: total number of bytes.
std::vector<Place> read_places(const Json& tensors, std::uint64_t size, const std::string& source) {
  std::vector<Place> places;
  for (const auto& [name, entry] : tensors.items()) places.push_back(place_of(name, entry, source));
  if (places.empty()) throw data_error(source + " holds no tensors", "give the file of a model");
  if (places.size() > kMaxTensors) throw too_many_error(source, kMaxTensors);
  std::ranges::sort(places, std::less<>());
  std::uint64_t end = 0;
  for (const auto& place : places) {
    if (place.begin != end) {
      throw damaged_error(source, "tensor " + quoted_name(place.name) + " is not where the one before it ends");
    }
    end = place.end;
  }
  if (end > size) throw truncated_error(source, fmt::format("{} bytes of tensors are missing", end - size));
  if (end < size) throw damaged_error(source, "bytes follow its last tensor");
  if (end > kMaxTensorBytes) throw too_large_error(source, kMaxTensorBytes);
  return places;
}

// `data`: offset of the tensors' bytes in the file.
at::Tensor read_tensor(const Place& place, const FileBytes& bytes, std::uint64_t data) {
  // Reads booleans as numbers first, because values other than 0 and 1 are undefined behaviour.
  auto tensor = at::empty(place.shape, place.type == at::kBool ? at::kByte : place.type);
  if (place.begin != place.end) bytes.read(data + place.begin, tensor.mutable_data_ptr(), tensor.nbytes());
  return place.type == at::kBool ? tensor.ne(0) : tensor;
}

}  // namespace

bool looks_like_safetensors(std::string_view begin) {
  // A header of less than 4 GB that starts with an object.
  return begin.size() > kLengthSize && load_little_endian<std::uint32_t>(begin, 4) == 0 && begin[kLengthSize] == '{';
}

ModelFile read_safetensors(const FileBytes& bytes) {
  const auto& source = bytes.name();
  const auto header = read_header(bytes);
  const auto data = kLengthSize + header.size();
  auto json = parse_header(header, source);
  auto metadata = Json::object();
  if (const auto found = json.find("__metadata__"); found != json.end()) {
    metadata = std::move(*found);
    json.erase(found);
  }
  check_metadata(metadata, source);
  const auto places = read_places(json, bytes.size() - data, source);
  check_checksum(bytes, header, metadata);

  ModelFile file;
  for (const auto& place : places) file.state.emplace_back(place.name, read_tensor(place, bytes, data));
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
