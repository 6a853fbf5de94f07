#include "mnist/train/checkpoint.hpp"

#include <algorithm>
#include <stdexcept>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/json.hpp"
#include "mnist/format/checkpoint_file.hpp"

namespace mnist {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;

Json to_json(const Evaluation& test) {
  return {{"loss", test.loss}, {"correct", test.correct}, {"total", test.total}};
}

Evaluation evaluation_of(const nlohmann::json& json) {
  return {.loss = json.at("loss"), .correct = whole_number(json, "correct"), .total = whole_number(json, "total")};
}

std::string json_of(const Checkpoint& checkpoint) {
  const TrainingState& state = checkpoint.state;
  const RunIdentity& identity = checkpoint.identity;
  const Json json = {
      {"format_version", kFormatVersion},
      {"epoch", state.epoch},
      {"step", state.step},
      {"evaluating", state.evaluating},
      {"all_steps", state.all_steps},
      {"test", to_json(state.test)},
      {"best_epoch", state.best.epoch},
      {"best_test", to_json(state.best.test)},
      {"epoch_seconds", state.epoch_seconds},
      {"seconds", state.seconds},
      {"identity",
       {{"config", identity.config},
        {"data", identity.data},
        {"libtorch", identity.libtorch},
        {"build", identity.build},
        {"cpu", identity.cpu},
        {"device", identity.device},
        {"precision", identity.precision},
        {"kernels", identity.kernels},
        {"threads", identity.threads},
        {"ranks", identity.ranks}}},
      {"file_sizes", checkpoint.file_sizes},
  };
  // A path in the options may not be UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::map<std::string, std::uint64_t> file_sizes_of(const nlohmann::json& json) {
  std::map<std::string, std::uint64_t> sizes;
  for (const auto& item : json.get_ref<const nlohmann::json::object_t&>()) {
    const std::int64_t size = whole_number(json, item.first);
    if (size < 0) throw std::invalid_argument("a file of a size below 0");
    sizes.emplace(item.first, size);
  }
  return sizes;
}

void read_json(const nlohmann::json& json, Checkpoint& checkpoint) {
  TrainingState& state = checkpoint.state;
  state.epoch = whole_number(json, "epoch");
  state.step = whole_number(json, "step");
  state.evaluating = json.at("evaluating");
  state.all_steps = whole_number(json, "all_steps");
  state.test = evaluation_of(json.at("test"));
  state.best.epoch = whole_number(json, "best_epoch");
  state.best.test = evaluation_of(json.at("best_test"));
  state.epoch_seconds = json.at("epoch_seconds");
  state.seconds = json.at("seconds");
  const nlohmann::json& identity = json.at("identity");
  checkpoint.identity = {.config = identity.at("config"),
                         .data = identity.at("data"),
                         .libtorch = identity.at("libtorch"),
                         .build = identity.at("build"),
                         .cpu = identity.at("cpu"),
                         .device = identity.at("device"),
                         .precision = identity.at("precision"),
                         .kernels = identity.at("kernels"),
                         .threads = whole_number(identity, "threads"),
                         // Missing in older checkpoints, which one process wrote.
                         .ranks = identity.contains("ranks") ? whole_number(identity, "ranks") : 1};
  checkpoint.file_sizes = file_sizes_of(json.at("file_sizes"));
}

// Moves a dict out of the file; empty if there is none.
NamedTensors take(CheckpointFile& file, const std::string& name) {
  const auto found = std::ranges::find(file.others, name, &decltype(file.others)::value_type::first);
  return found == file.others.end() ? NamedTensors{} : std::move(found->second);
}

bool is_consistent(const TrainingState& state) {
  constexpr std::int64_t kMostEpochs = 1'000'000;  // the maximum of --epochs
  const auto steps = [&](const torch::Tensor& figures) {
    return figures.dim() == 1 && figures.size(0) == state.step && figures.scalar_type() == at::kFloat;
  };
  return state.epoch >= 1 && state.epoch - 1 <= kMostEpochs && state.step >= 0 && state.all_steps >= state.step &&
         state.best.epoch >= 0 && state.best.epoch < state.epoch && steps(state.losses) && steps(state.correct) &&
         (state.best.epoch > 0) == !state.best.network.empty();
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint, FileSystem& files) {
  const TrainingState& state = checkpoint.state;
  CheckpointFile file = {.state = state.network,
                         .others = {{"optimizer", state.optimizer},
                                    {"epoch", {{"losses", state.losses}, {"correct", state.correct}}},
                                    {"best", state.best.network}},
                         .recipe = checkpoint.recipe,
                         .json = json_of(checkpoint)};
  if (!state.average.empty()) file.others.emplace_back("average", state.average);
  write_checkpoint_file(path, file, files);
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  CheckpointFile file = read_checkpoint_file(path);
  const auto damaged = [&](const std::string& what) {
    return data_error(fmt::format("checkpoint {} is damaged: {}", quoted(path), what),
                      "resume from another checkpoint, or start a new run");
  };
  Checkpoint checkpoint;
  try {
    const nlohmann::json json = parse_bounded_json(file.json);
    if (const std::int64_t version = whole_number(json, "format_version"); version > kFormatVersion) {
      // A usage error, because after a data error the caller would try an older file.
      throw usage_error(fmt::format("checkpoint {} has format version {}, which this program does not support",
                                    quoted(path), version),
                        "resume the run with the version of mnist that wrote it");
    }
    read_json(json, checkpoint);
  } catch (const nlohmann::json::exception& error) {
    throw damaged(std::string(message_of(error)));
  } catch (const std::invalid_argument& error) {
    throw damaged(error.what());
  }
  checkpoint.state.network = std::move(file.state);
  checkpoint.state.optimizer = take(file, "optimizer");
  checkpoint.state.average = take(file, "average");
  for (auto& [name, tensor] : take(file, "epoch")) {
    if (name == "losses") checkpoint.state.losses = tensor;
    if (name == "correct") checkpoint.state.correct = tensor;
  }
  checkpoint.state.best.network = take(file, "best");
  checkpoint.recipe = std::move(file.recipe);
  const bool whole = checkpoint.state.losses.defined() && checkpoint.state.correct.defined();
  if (!whole || !is_consistent(checkpoint.state)) throw damaged("it contradicts itself");
  return checkpoint;
}

}  // namespace mnist
