#include "pt_zip.hpp"

#include <cstddef>

#include <ATen/ATen.h>

#include "mnist/core/json.hpp"
#include "mnist/core/text.hpp"

#include "file_errors.hpp"
#include "pickle_writer.hpp"
#include "pickled_model.hpp"

namespace mnist {
namespace {

void refuse_other_kinds(const ZipReader& zip, const std::string& source) {
  // A TorchScript archive may also have a data.pkl.
  if (zip.contains("constants.pkl") || zip.contains_folder("code/")) {
    throw data_error(source + " is a TorchScript archive, which is not supported",
                     "save the weights in Python: torch.save(torch.jit.load(...).state_dict(), \"model.pt\")");
  }
  if (!zip.contains("data.pkl")) {
    throw data_error(source + " is a zip archive, but not one of PyTorch: it has no data.pkl",
                     "give the file that torch.save wrote");
  }
}

// The offset of a storage's bytes in the file.
std::uint64_t storage_in(const ZipReader& zip, const StorageId& id, const std::string& source) {
  const auto [offset, size] = zip.place("data/" + id.key);
  if (size != id.byte_count()) {
    throw damaged_error(source, "entry " + quoted_name("data/" + id.key) + " is not as large as its pickle says");
  }
  return offset;
}

}  // namespace

PtZip::PtZip(const FileBytes& file, std::uint64_t memory)
    : zip_(file),
      pickle_(file.name()),
      tensors_(
          file, [this, &file](const StorageId& id) { return storage_in(zip_, id, file.name()); }, memory) {
  const auto& source = file.name();
  refuse_other_kinds(zip_, source);
  zip_.check_contents();
  constexpr std::size_t kWord = 16;
  if (zip_.contains("byteorder") && zip_.content("byteorder", kWord) != "little") {
    throw data_error(source + " was written on a big-endian machine, which is not supported",
                     "load and save it again on a little-endian machine");
  }
  const auto bytes = zip_.content("data.pkl", kMaxPickleBytes);
  std::size_t end = 0;
  root_ = &pickle_.read(bytes, end);
  if (end != bytes.size()) throw damaged_error(source, "bytes follow the end of its pickle");
}

void write_pt_records(ZipWriter& zip, const std::string& pickle, const std::vector<torch::Tensor>& storages,
                      const std::vector<std::pair<std::string, std::string>>& extras) {
  const std::string root = "archive/";
  zip.add(root + "data.pkl", pickle);
  zip.add(root + ".format_version", "1");
  zip.add(root + ".storage_alignment", "64");
  zip.add(root + "byteorder", "little");
  for (std::size_t i = 0; i < storages.size(); ++i) {
    zip.add(root + "data/" + std::to_string(i),
            {static_cast<const char*>(storages[i].const_data_ptr()), storages[i].nbytes()});
  }
  for (const auto& [name, text] : extras) zip.add(root + name, text);
  zip.add(root + "version", "3\n");
  zip.add(root + ".data/serialization_id", zip.content_id());
  zip.finish();
}

ModelFile read_pt_zip(const FileBytes& file) {
  PtZip archive(file, usual_memory(file));
  const auto& zip = archive.zip();
  const bool own = zip.contains(kRecipeRecord);
  if (own && !zip.has_checksums()) throw damaged_error(file.name(), "its checksums are missing");
  auto model = read_pickled_model(archive.root(), archive.pickle(), archive.tensors(), file.name());

  ModelFile result{std::move(model.state), std::nullopt, std::move(model.class_names), "PyTorch zip", {}};
  if (own) {
    result.recipe = recipe_from_json(zip.content(kRecipeRecord, kMaxJsonBytes), file.name());
    return result;
  }
  result.notes = std::move(model.notes);
  if (!zip.has_checksums()) result.notes.emplace_back("the file has no checksums, so damage may go unnoticed");
  return result;
}

void write_pt_zip(Output& output, const NamedTensors& state, const Recipe& recipe, PickleLayout layout) {
  const std::string pickle = layout == PickleLayout::state_dict
                                 ? pickle_state(state)
                                 : pickle_state_and_class_names(state, recipe.class_names);
  std::vector<torch::Tensor> storages;
  for (const auto& [name, tensor] : state) storages.push_back(tensor);
  ZipWriter zip(output);
  write_pt_records(zip, pickle, storages, {{kRecipeRecord, to_json(recipe)}});
}

}  // namespace mnist
