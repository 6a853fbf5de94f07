#include "tensorboard_events.hpp"

#include <array>
#include <bit>
#include <stdexcept>

#include "mnist/core/text.hpp"

namespace mnist {
namespace {

constexpr unsigned kByte = 8;  // bits
constexpr std::uint32_t kCastagnoli = 0x82F63B78;

constexpr std::array<std::uint32_t, 256> castagnoli_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t index = 0; index < table.size(); ++index) {
    std::uint32_t rest = index;
    for (unsigned bit = 0; bit < kByte; ++bit) rest = (rest >> 1U) ^ ((rest & 1U) != 0 ? kCastagnoli : 0);
    table[index] = rest;
  }
  return table;
}

// A checksum of data that contain checksums would have weaknesses (record_writer.h).
std::uint32_t masked(std::uint32_t crc) {
  constexpr int kRotation = 15;
  constexpr std::uint32_t kDelta = 0xA282EAD8;
  return std::rotr(crc, kRotation) + kDelta;
}

template <typename Integer>
void append_little_endian(std::string& bytes, Integer value) {
  for (std::size_t byte = 0; byte < sizeof value; ++byte) {
    bytes += static_cast<char>(static_cast<unsigned char>(value >> (kByte * byte)));
  }
}

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes) value = (value << kByte) | static_cast<unsigned char>(byte);
  return value;
}

ProtoMessage event(const EventPlace& place) {
  ProtoMessage message;
  message.real(1, place.time).integer(2, static_cast<std::uint64_t>(place.step));
  return message;
}

std::string summary_record(const EventPlace& place, const ProtoMessage& summary) {
  constexpr int kSummary = 5;
  return record(event(place).message(kSummary, summary).bytes());
}

// Plugin data of the tab HPARAMS: metadata of a value without a value.
std::string hparams_record(const EventPlace& place, const std::string& tag, int field, const ProtoMessage& content) {
  constexpr int kMetadata = 9;
  ProtoMessage data;
  data.message(field, content);  // version 0, the default, is not written
  ProtoMessage plugin;
  plugin.text(1, "hparams").message(2, data);
  ProtoMessage metadata;
  metadata.message(1, plugin);
  ProtoMessage value;
  value.text(1, tag).message(kMetadata, metadata);
  ProtoMessage summary;
  summary.message(1, value);
  return summary_record(place, summary);
}

// google.protobuf.Value
ProtoMessage value_of(const HyperParameter& parameter) {
  constexpr int kNumber = 2;
  constexpr int kText = 3;
  constexpr int kFlag = 4;
  ProtoMessage value;
  if (const auto* const number = std::get_if<double>(&*parameter.value)) {
    value.real(kNumber, *number);
  } else if (const auto* const flag = std::get_if<bool>(&*parameter.value)) {
    value.integer(kFlag, *flag ? 1 : 0);
  } else {
    value.text(kText, as_utf8(std::get<std::string>(*parameter.value)));
  }
  return value;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> kRemainders = castagnoli_table();
  constexpr std::uint32_t kAll = 0xFFFFFFFF;
  constexpr std::uint32_t kLow = 0xFF;
  std::uint32_t crc = kAll;
  for (const char byte : bytes) crc = kRemainders[(crc ^ static_cast<unsigned char>(byte)) & kLow] ^ (crc >> kByte);
  return crc ^ kAll;
}

std::string record(std::string_view data) {
  std::string bytes;
  append_little_endian(bytes, std::uint64_t{data.size()});
  append_little_endian(bytes, masked(crc32c(bytes)));
  bytes += data;
  append_little_endian(bytes, masked(crc32c(data)));
  return bytes;
}

std::string session_start(const EventPlace& place) {
  constexpr int kVersion = 3;
  constexpr int kSessionLog = 7;
  ProtoMessage start;
  start.integer(1, 1);  // status START
  return record(event(place).text(kVersion, "brain.Event:2").bytes()) +
         record(event(place).message(kSessionLog, start).bytes());
}

std::string scalars_record(const EventPlace& place, const std::vector<TaggedScalar>& scalars) {
  ProtoMessage summary;
  for (const auto& [tag, scalar] : scalars) {
    ProtoMessage value;
    value.text(1, tag).single(2, static_cast<float>(scalar));
    summary.message(1, value);
  }
  return summary_record(place, summary);
}

std::string image_record(const EventPlace& place, const std::string& tag, const std::string& png) {
  // The header chunk comes first: width and height (big-endian), depth, colour type.
  constexpr std::size_t kWidth = 16;
  constexpr std::size_t kHeight = 20;
  constexpr std::size_t kHeaderEnd = 33;
  if (png.size() < kHeaderEnd || !png.starts_with("\x89PNG\r\n\x1A\n")) throw std::invalid_argument("not a PNG file");
  const std::string_view header = png;
  constexpr std::uint64_t kRgb = 3;
  constexpr int kEncoded = 4;
  constexpr int kImage = 4;
  ProtoMessage image;
  image.integer(1, big_endian(header.substr(kHeight, 4)))
      .integer(2, big_endian(header.substr(kWidth, 4)))
      .integer(3, kRgb)
      .text(kEncoded, png);
  ProtoMessage value;
  value.text(1, tag).message(kImage, image);
  ProtoMessage summary;
  summary.message(1, value);
  return summary_record(place, summary);
}

std::string experiment_record(const EventPlace& place, const std::vector<HyperParameter>& parameters,
                              const std::vector<std::string>& metrics) {
  constexpr int kType = 4;
  constexpr int kDiffers = 7;
  constexpr int kParameters = 4;
  constexpr int kMetrics = 5;
  ProtoMessage experiment;
  for (const HyperParameter& parameter : parameters) {
    ProtoMessage info;
    info.text(1, parameter.name).integer(kType, static_cast<std::uint64_t>(parameter.type));
    // "differs": TensorBoard shows such columns first, and by default only the first few.
    if (parameter.important) info.integer(kDiffers, 1);
    experiment.message(kParameters, info);
  }
  for (const std::string& metric : metrics) {
    ProtoMessage name;
    name.text(2, metric);
    ProtoMessage info;
    info.message(1, name);
    experiment.message(kMetrics, info);
  }
  return hparams_record(place, "_hparams_/experiment", 2, experiment);
}

std::string hyperparameters_record(const EventPlace& place, const std::vector<HyperParameter>& parameters) {
  constexpr int kStartTime = 5;
  ProtoMessage start;
  for (const HyperParameter& parameter : parameters) {
    if (!parameter.value) continue;
    ProtoMessage entry;
    entry.text(1, parameter.name).message(2, value_of(parameter));
    start.message(1, entry);
  }
  start.real(kStartTime, place.time);
  return hparams_record(place, "_hparams_/session_start_info", 3, start);
}

std::string hyperparameters_end_record(const EventPlace& place, bool success) {
  constexpr int kEnd = 4;
  ProtoMessage end;
  end.integer(1, success ? 1 : 2).real(2, place.time);
  return hparams_record(place, "_hparams_/session_end_info", kEnd, end);
}

}  // namespace mnist
