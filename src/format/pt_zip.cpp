#include "pt_zip.hpp"

#include <cstddef>

#include <ATen/ATen.h>

#include "mnist/core/text.hpp"

#include "file_errors.hpp"
#include "pickle_reader.hpp"
#include "pickle_writer.hpp"
#include "pickled_tensors.hpp"
#include "zip_reader.hpp"
#include "zip_writer.hpp"

namespace mnist {
namespace {

constexpr auto kRecipeRecord = "extra/mnist.json";

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

}  // namespace

ModelFile read_pt_zip(std::string_view bytes, const std::string& source) {
  const ZipReader zip(bytes, source);
  refuse_other_kinds(zip, source);
  zip.check_contents();
  if (zip.contains("byteorder") && zip.content("byteorder") != "little") {
    throw data_error(source + " was written on a big-endian machine, which is not read",
                     "load and save it again on a little-endian machine");
  }

  PickleReader pickle(source);
  std::size_t end = 0;
  const auto& root = pickle.read(zip.content("data.pkl"), end);
  if (end != zip.content("data.pkl").size()) throw damaged_error(source, "bytes follow the end of its pickle");
  const auto find_storage = [&](const StorageId& id) {
    const auto content = zip.content("data/" + id.key);
    if (content.size() != id.byte_count()) {
      throw damaged_error(source, "entry " + quoted_name("data/" + id.key) + " is not as large as its pickle says");
    }
    return content;
  };
  PickledTensorReader tensors(find_storage, source, bytes.size());
  auto model = read_pickled_model(root, tensors, source);

  ModelFile file{std::move(model.state), std::nullopt, std::move(model.class_names), "PyTorch zip"};
  if (zip.contains(kRecipeRecord)) file.recipe = recipe_from_json(zip.content(kRecipeRecord), source);
  return file;
}

void write_pt_zip(Output& output, const NamedTensors& state, const Recipe& recipe, PickleLayout layout) {
  const std::string root = "archive/";
  ZipWriter zip(output);
  zip.add(root + "data.pkl", layout == PickleLayout::state_dict
                                 ? pickle_state(state)
                                 : pickle_state_and_class_names(state, recipe.class_names));
  zip.add(root + ".format_version", "1");
  zip.add(root + ".storage_alignment", "64");
  zip.add(root + "byteorder", "little");
  for (std::size_t i = 0; i < state.size(); ++i) {
    const auto& tensor = state[i].second;
    zip.add(root + "data/" + std::to_string(i), {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()});
  }
  zip.add(root + kRecipeRecord, to_json(recipe));
  zip.add(root + "version", "3\n");
  zip.add(root + ".data/serialization_id", zip.content_id());
  zip.finish();
}

}  // namespace mnist
