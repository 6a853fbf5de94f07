// The records of a TensorBoard event file, byte by byte. Sources of the formats:
//   record           tensorflow/core/lib/io/record_writer.h: length (uint64), masked CRC of the length (uint32), the
//                    event, masked CRC of the event (uint32); little-endian; CRC-32C (Castagnoli, RFC 3720)
//   event            tensorflow/core/util/event.proto and framework/summary.proto
//   hyperparameters  tensorboard/plugins/hparams/{api,plugin_data}.proto and metadata.py, version 0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mnist/core/proto.hpp"
#include "mnist/report/tensorboard.hpp"

namespace mnist {

// CRC-32C of the bytes, not masked.
std::uint32_t crc32c(std::string_view bytes);

// `data` with its length and checksums.
std::string record(std::string_view data);

struct EventPlace {
  double time = 0;        // seconds since 1970
  std::int64_t step = 0;  // not negative
};

// The first two records of a file: its version, and the start of a session, at which readers drop what earlier files
// have from that step on.
std::string session_start(const EventPlace& place);

using TaggedScalar = std::pair<std::string, double>;
std::string scalars_record(const EventPlace& place, const std::vector<TaggedScalar>& scalars);

// `png`: the bytes of a PNG file. Throws `std::invalid_argument` for other bytes.
std::string image_record(const EventPlace& place, const std::string& tag, const std::string& png);

// The columns of the tab HPARAMS: all names in `parameters` and these scalars. TensorBoard reads them from one of the
// runs, so all runs of a version should have the same.
std::string experiment_record(const EventPlace& place, const std::vector<HyperParameter>& parameters,
                              const std::vector<std::string>& metrics);
// The values of this run.
std::string hyperparameters_record(const EventPlace& place, const std::vector<HyperParameter>& parameters);
// The end of this run.
std::string hyperparameters_end_record(const EventPlace& place, bool success);

}  // namespace mnist
