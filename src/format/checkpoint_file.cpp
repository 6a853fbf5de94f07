#include "mnist/format/checkpoint_file.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include <ATen/ATen.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/json.hpp"
#include "mnist/core/text.hpp"

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

// Reads the dicts of a checkpoint. Dicts may share names and tensors, and each dict gets a copy, so the total size of
// the names is limited, too.
class DictsReader {
 public:
  DictsReader(PickledTensorReader& tensors, const std::string& source) : tensors_(tensors), source_(source) {}

  // `names`: the keys of the dict so far. Throws a data `Error` if a key is not text or is a duplicate.
  std::string name(const PickleValue& key, std::set<std::string_view>& names) {
    const auto* name = key.as<std::string>();
    if (name == nullptr) throw damaged_error(source_, "something in it has no name");
    if (!names.insert(*name).second) throw damaged_error(source_, quoted_name(*name) + " occurs twice");
    if (name->size() > name_bytes_left_) throw damaged_error(source_, "the names in it are too long");
    name_bytes_left_ -= name->size();
    return *name;
  }

  NamedTensors tensors(const PickleValue& value) {
    const auto* dict = value.as<PickleDict>();
    if (dict == nullptr) throw damaged_error(source_, "it holds values other than dicts of tensors");
    std::set<std::string_view> names;
    NamedTensors result;
    for (const auto& [key, tensor] : dict->items) {
      std::string name_of_tensor = name(*key, names);
      torch::Tensor content = tensors_.read(*tensor, name_of_tensor);
      result.emplace_back(std::move(name_of_tensor), std::move(content));
    }
    return result;
  }

 private:
  PickledTensorReader& tensors_;
  const std::string& source_;
  std::size_t name_bytes_left_ = kMaxPickleBytes;
};

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
  // Dicts may share storages, but every tensor gets its own memory.
  constexpr std::uint64_t kMostShares = 4;
  PtZip archive(file, std::min(kMostShares * file.size(), kMaxModelFileBytes));
  const ZipReader& zip = archive.zip();
  const auto* root = archive.root().as<PickleDict>();
  if (!zip.contains(kCheckpointRecord) || !zip.contains(kRecipeRecord) || root == nullptr) {
    throw data_error(source + " is a model file, not a checkpoint", "give a file in the folder checkpoints/ of a run");
  }
  if (!zip.hashed()) throw damaged_error(source, "its SHA-256 is missing");
  CheckpointFile checkpoint;
  checkpoint.recipe = recipe_from_json(zip.content(kRecipeRecord, kMaxJsonBytes), source);
  checkpoint.json = zip.content(kCheckpointRecord, kMaxJsonBytes);
  DictsReader reader(archive.tensors(), source);
  std::set<std::string_view> names;
  for (const auto& [key, value] : root->items) {
    std::string name = reader.name(*key, names);
    NamedTensors tensors = reader.tensors(*value);
    if (name == kState) {
      checkpoint.state = std::move(tensors);
    } else {
      checkpoint.others.emplace_back(std::move(name), std::move(tensors));
    }
  }
  return checkpoint;
}

}  // namespace mnist
