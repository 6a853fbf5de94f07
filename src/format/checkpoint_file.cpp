#include "mnist/format/checkpoint_file.hpp"

#include <algorithm>

#include <ATen/ATen.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/json.hpp"

#include "file_bytes.hpp"
#include "file_errors.hpp"
#include "model_limits.hpp"
#include "pickle_writer.hpp"
#include "pt_zip.hpp"

namespace mnist {
namespace {

constexpr auto kCheckpointRecord = "extra/checkpoint.json";
constexpr auto kState = "state_dict";

NamedTensors contiguous(NamedTensors tensors) {
  for (auto& [name, tensor] : tensors) tensor = tensor.detach().contiguous();
  return tensors;
}

NamedTensors read_tensors(const PickleDict& dict, PickledTensorReader& tensors, const std::string& source) {
  NamedTensors result;
  for (const auto& [key, value] : dict.items) {
    const auto* name = key->as<std::string>();
    if (name == nullptr) throw damaged_error(source, "a tensor in it has no name");
    result.emplace_back(*name, tensors.read(*value, *name));
  }
  return result;
}

}  // namespace

void write_checkpoint_file(const std::filesystem::path& path, const CheckpointFile& checkpoint, FileSystem& files) {
  const NamedTensors state = contiguous(checkpoint.state);
  std::vector<std::pair<std::string, NamedTensors>> others;
  NamedTensors all = state;
  for (const auto& [name, tensors] : checkpoint.others) {
    others.emplace_back(name, contiguous(tensors));
    all.insert(all.end(), others.back().second.begin(), others.back().second.end());
  }
  const std::vector<std::size_t> numbers = storage_numbers(all);
  std::vector<torch::Tensor> storages;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (numbers[i] == storages.size()) storages.push_back(all[i].second);
  }
  const std::unique_ptr<Output> output = open_output(path, files);
  ZipWriter zip(*output);
  zip.hash_all();
  write_pt_records(zip, pickle_checkpoint(state, others, numbers), storages,
                   {{kRecipeRecord, to_json(checkpoint.recipe)}, {kCheckpointRecord, checkpoint.json}});
  output->commit();
}

CheckpointFile read_checkpoint_file(const std::filesystem::path& path) {
  const FileBytes file(path, "checkpoint");
  const std::string& source = file.name();
  // Its dicts may share storages, but every tensor gets memory of its own.
  constexpr std::uint64_t kMostShares = 4;
  PtZip archive(file, std::min(kMostShares * file.size(), kMaxModelFileBytes));
  const ZipReader& zip = archive.zip();
  const auto* root = archive.root().as<PickleDict>();
  if (!zip.contains(kCheckpointRecord) || !zip.contains(kRecipeRecord) || root == nullptr) {
    throw data_error(source + " is a model file, not a checkpoint", "name a file of a run's folder checkpoints/");
  }
  if (!zip.hashed()) throw damaged_error(source, "its SHA-256 is missing");
  CheckpointFile checkpoint;
  checkpoint.recipe = recipe_from_json(zip.content(kRecipeRecord, kMaxJsonBytes), source);
  checkpoint.json = zip.content(kCheckpointRecord, kMaxJsonBytes);
  for (const auto& [key, value] : root->items) {
    const auto* name = key->as<std::string>();
    const auto* dict = value->as<PickleDict>();
    if (name == nullptr || dict == nullptr)
      throw damaged_error(source, "it holds something else than dicts of tensors");
    NamedTensors tensors = read_tensors(*dict, archive.tensors(), source);
    if (*name == kState) {
      checkpoint.state = std::move(tensors);
    } else {
      checkpoint.others.emplace_back(*name, std::move(tensors));
    }
  }
  return checkpoint;
}

}  // namespace mnist
