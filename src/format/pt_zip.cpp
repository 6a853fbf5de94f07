#include "pt_zip.hpp"

#include <cstddef>

#include <ATen/ATen.h>

#include "mnist/core/text.hpp"

#include "file_errors.hpp"
#include "pickle_writer.hpp"

namespace mnist {
namespace {

void refuse_other_kinds(const ZipReader& zip, const std::string& source) {
  // TorchScript may have a data.pkl as well.
  if (zip.contains("constants.pkl") || zip.contains_folder("code/")) {
    throw data_error(source + " is a TorchScript archive, which is not read",
                     "save the weights in Python: torch.save(torch.jit.load(...).state_dict(), \"model.pt\")");
  }
  if (!zip.contains("data.pkl")) {
    throw data_error(source + " is a zip archive, but not one of PyTorch: it has no data.pkl",
                     "give the file that torch.save wrote");
  }
}

// The bytes of a storage.
std::string_view storage_in(const ZipReader& zip, const StorageId& id, const std::string& source) {
  const auto content = zip.content("data/" + id.key);
  if (content.size() != id.byte_count()) {
    throw damaged_error(source, "entry " + quoted_name("data/" + id.key) + " is not as large as its pickle says");
  }
  return content;
}

}  // namespace

PtZip::PtZip(std::string_view bytes, const std::string& source)
    : zip_(bytes, source),
      pickle_(source),
      tensors_([this, source](const StorageId& id) { return storage_in(zip_, id, source); }, source, bytes.size()) {
  refuse_other_kinds(zip_, source);
  zip_.check_contents();
  if (zip_.contains("byteorder") && zip_.content("byteorder") != "little") {
    throw data_error(source + " was written on a big-endian machine, which is not read",
                     "load and save it again on a little-endian machine");
  }
  std::size_t end = 0;
  root_ = &pickle_.read(zip_.content("data.pkl"), end);
  if (end != zip_.content("data.pkl").size()) throw damaged_error(source, "bytes follow the end of its pickle");
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

ModelFile read_pt_zip(std::string_view bytes, const std::string& source) {
  PtZip archive(bytes, source);
  auto model = read_pickled_model(archive.root(), archive.tensors(), source);
  ModelFile file{std::move(model.state), std::nullopt, std::move(model.class_names), "PyTorch zip"};
  const ZipReader& zip = archive.zip();
  if (zip.contains(kRecipeRecord)) file.recipe = recipe_from_json(zip.content(kRecipeRecord), source);
  return file;
}

void write_pt_zip(AtomicFile& file, const NamedTensors& state, const Recipe& recipe, PickleLayout layout) {
  const std::string pickle = layout == PickleLayout::state_dict
                                 ? pickle_state(state)
                                 : pickle_state_and_class_names(state, recipe.class_names);
  std::vector<torch::Tensor> storages;
  for (const auto& [name, tensor] : state) storages.push_back(tensor);
  ZipWriter zip(file);
  write_pt_records(zip, pickle, storages, {{kRecipeRecord, to_json(recipe)}});
}

}  // namespace mnist
