#include "pickled_tensors.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "mnist/core/text.hpp"

#include "dtypes.hpp"
#include "file_errors.hpp"
#include "saturating.hpp"

namespace mnist {
namespace {

constexpr std::uint64_t kSpareBytes = 1 << 20;
constexpr auto kStateHint = "save the weights in Python: torch.save(model.state_dict(), \"model.pt\")";

bool is_call_of(const PickleCall* call, std::string_view function, std::size_t least_arguments) {
  return call != nullptr && call->function == function && call->arguments->items.size() >= least_arguments;
}

// The call that rebuilds the tensor, from below a parameter; nullptr where the value is none.
const PickleCall* tensor_call(const PickleValue& value) {
  const auto* call = value.as<PickleCall>();
  if (is_call_of(call, "torch._utils._rebuild_parameter", 1)) call = call->arguments->items[0]->as<PickleCall>();
  const bool is_tensor =
      is_call_of(call, "torch._utils._rebuild_tensor_v2", 4) || is_call_of(call, "torch._utils._rebuild_tensor", 4);
  return is_tensor ? call : nullptr;
}

// A tuple of integers that are not negative; false where it is something else.
bool read_integers(const PickleValue& value, std::vector<std::int64_t>& out) {
  const auto* tuple = value.as<PickleTuple>();
  if (tuple == nullptr || tuple->items.size() > kMaxDimensions) return false;
  for (const auto* item : tuple->items) {
    const auto* integer = item->as<std::int64_t>();
    if (integer == nullptr || *integer < 0) return false;
    out.push_back(*integer);
  }
  return true;
}

std::string keys_of(const PickleDict& dict) {
  std::string keys;
  for (std::size_t i = 0; i < std::min<std::size_t>(dict.items.size(), 5); ++i) {
    const auto* key = dict.items[i].first->as<std::string>();
    keys += (i == 0 ? "" : ", ") + (key != nullptr ? quoted_name(*key) : "a key that is no text");
  }
  return keys + (dict.items.size() > 5 ? ", ..." : "");
}

NamedTensors read_state(const PickleDict& dict, PickledTensorReader& tensors, const std::string& source) {
  NamedTensors state;
  std::set<std::string> names;
  for (const auto& [key, value] : dict.items) {
    const auto* name = key->as<std::string>();
    if (name == nullptr || !PickledTensorReader::is_tensor(*value)) {
      throw data_error(fmt::format("{} holds a dict whose entry {} is not a tensor", source,
                                   name != nullptr ? quoted_name(*name) : "without a name"),
                       kStateHint);
    }
    if (!names.insert(*name).second) throw damaged_error(source, "tensor " + quoted_name(*name) + " occurs twice");
    state.emplace_back(*name, tensors.read(*value, *name));
  }

  const std::string prefix = "module.";
  const bool all_prefixed = std::all_of(state.begin(), state.end(), [&](const auto& entry) {
    return entry.first.size() > prefix.size() && entry.first.starts_with(prefix);
  });
  if (all_prefixed) {
    for (auto& entry : state) entry.first.erase(0, prefix.size());
  }
  return state;
}

std::vector<std::string> read_class_names(const PickleValue& value, const std::string& source) {
  std::vector<std::string> names;
  const auto* list = value.as<PickleList>();
  const auto* tuple = value.as<PickleTuple>();
  if (list == nullptr && tuple == nullptr) {
    throw data_error(source + " holds 'class_names' that are not a list", "save a list of str as class_names");
  }
  for (const auto* item : list != nullptr ? list->items : tuple->items) {
    const auto* name = item->as<std::string>();
    if (name == nullptr) {
      throw data_error(source + " holds 'class_names' that are not all text", "save a list of str as class_names");
    }
    names.push_back(*name);
  }
  return names;
}

}  // namespace

StorageId storage_id(const PickleReference& reference, const std::string& source) {
  const auto* tuple = reference.id->as<PickleTuple>();
  const auto fail = [&](const std::string& what) { return damaged_error(source, "a storage in its pickle " + what); };
  // The sixth, where there is one, would place the storage within another.
  if (tuple == nullptr || tuple->items.size() < 5 || tuple->items.size() > 6) throw fail("is not described by a tuple");
  const auto& items = tuple->items;
  const auto* kind = items[0]->as<std::string>();
  const auto* type_name = items[1]->as<PickleGlobal>();
  const auto* key = items[2]->as<std::string>();
  const auto* count = items[4]->as<std::int64_t>();
  const std::string torch = "torch.";
  if (kind == nullptr || *kind != "storage" || type_name == nullptr || !type_name->name.starts_with(torch)) {
    throw fail("has no type");
  }
  const auto type = type_of_storage(type_name->name.substr(torch.size()));
  if (!type) throw fail("has no type");
  if (key == nullptr || count == nullptr || *count < 0) throw fail("has no name or no size");
  if (items.size() == 6 && items[5]->as<std::monostate>() == nullptr) {
    throw data_error(source + " holds a storage that is a view of another, which is not read",
                     "load and save it again with PyTorch 1.6 or newer");
  }
  // So that byte_count() cannot overflow.
  if (*count > std::numeric_limits<std::int64_t>::max() / 16) throw fail("is impossibly large");
  return {*key, *type, static_cast<std::uint64_t>(*count)};
}

PickledTensorReader::PickledTensorReader(FindStorage find_storage, std::string source, std::uint64_t file_size)
    : find_storage_(std::move(find_storage)), source_(std::move(source)), budget_(8 * file_size + kSpareBytes) {}

bool PickledTensorReader::is_tensor(const PickleValue& value) {
  return tensor_call(value) != nullptr;
}

at::Tensor PickledTensorReader::read(const PickleValue& value, const std::string& name) {
  const auto fail = [&](const std::string& what) {
    return damaged_error(source_, "tensor " + quoted_name(name) + what);
  };
  const auto* call = tensor_call(value);
  if (call == nullptr) throw fail(" is not a tensor");
  // (storage, offset, sizes, strides, ...); offset and strides count elements.
  const auto& arguments = call->arguments->items;
  const auto* reference = arguments[0]->as<PickleReference>();
  const auto* offset = arguments[1]->as<std::int64_t>();
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
  if (reference == nullptr || offset == nullptr || *offset < 0 || !read_integers(*arguments[2], sizes) ||
      !read_integers(*arguments[3], strides) || sizes.size() != strides.size()) {
    throw fail(" is not described as PyTorch does");
  }
  const auto id = storage_id(*reference, source_);

  std::uint64_t count = 1;
  std::uint64_t span = 1;  // from the first element to behind the last, in the storage
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto size = static_cast<std::uint64_t>(sizes[i]);
    count = saturating_multiply(count, size);
    if (size > 0) span = saturating_add(span, saturating_multiply(size - 1, static_cast<std::uint64_t>(strides[i])));
  }
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) count = span = 0;
  if (saturating_add(static_cast<std::uint64_t>(*offset), span) > id.count)
    throw fail(" reaches outside of its storage");
  const auto element = c10::elementSize(id.type);
  const auto memory = saturating_multiply(std::max(count, span), element);
  if (memory > budget_) throw fail(" needs far more memory than the file has bytes");
  budget_ -= memory;
  const auto storage = find_storage_(id);
  if (count == 0) {
    if (!addressable(sizes)) throw fail(" is impossibly large in the dimensions that are not empty");
    return at::empty(sizes, id.type);
  }

  const auto bytes = storage.substr(static_cast<std::size_t>(*offset) * element, span * element);
  // Booleans other than 0 and 1 would be undefined, so they are read as numbers first.
  auto flat = at::empty({static_cast<std::int64_t>(span)}, id.type == at::kBool ? at::kByte : id.type);
  std::memcpy(flat.data_ptr(), bytes.data(), bytes.size());
  if (id.type == at::kBool) flat = flat.ne(0);
  return flat.as_strided(sizes, strides).contiguous();
}

PickledModel read_pickled_model(const PickleValue& root, PickledTensorReader& tensors, const std::string& source) {
  if (PickledTensorReader::is_tensor(root)) return {{{"", tensors.read(root, "")}}, {}};
  const auto* dict = root.as<PickleDict>();
  if (dict == nullptr) throw data_error(source + " holds no dict of tensors", kStateHint);

  PickledModel model;
  for (const auto* key : {"state_dict", "model_state_dict"}) {
    const auto* inner = find(*dict, key);
    if (inner == nullptr) continue;
    if (inner->as<PickleDict>() == nullptr) {
      throw data_error(fmt::format("{} holds '{}', but it is not a dict of tensors", source, key), kStateHint);
    }
    if (const auto* names = find(*dict, "class_names")) model.class_names = read_class_names(*names, source);
    dict = inner->as<PickleDict>();
    break;
  }
  const bool any_tensor = std::any_of(dict->items.begin(), dict->items.end(),
                                      [](const auto& item) { return PickledTensorReader::is_tensor(*item.second); });
  if (dict->items.empty()) throw data_error(source + " holds an empty dict, no tensors", kStateHint);
  if (!any_tensor) {
    throw data_error(source + " holds no state dict; its keys are " + keys_of(*dict),
                     "save the state dict itself, or under the key \"state_dict\"");
  }
  model.state = read_state(*dict, tensors, source);
  return model;
}

}  // namespace mnist
