#include "pickled_model.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/text.hpp"

#include "file_errors.hpp"

namespace mnist {
namespace {

constexpr std::array<std::string_view, 6> kStateKeys{"state_dict_ema",   "model_ema", "state_dict",
                                                     "model_state_dict", "model",     "net"};

bool holds_tensors(const PickleDict& dict) {
  return std::ranges::any_of(dict.items, [](const auto& item) { return PickledTensorReader::is_tensor(*item.second); });
}

// "an object of 'argparse.Namespace'"
std::string kind_of(const PickleValue& value) {
  const auto* call = value.as<PickleCall>();
  if (call != nullptr && !call->function_name().empty()) return "an object of " + quoted_name(call->function_name());
  return value.as<PickleDict>() != nullptr ? "a dict without tensors" : "another value";
}

std::string keys_of(const PickleDict& dict) {
  std::string keys;
  for (std::size_t i = 0; i < std::min<std::size_t>(dict.items.size(), 5); ++i) {
    const auto* key = dict.items[i].first->as<std::string>();
    keys += (i == 0 ? "" : ", ") + (key != nullptr ? quoted_name(*key) : "a key that is not text");
  }
  return keys + (dict.items.size() > 5 ? ", ..." : "");
}

NamedTensors read_state(const PickleDict& dict, PickledTensorReader& tensors, const std::string& source) {
  NamedTensors state;
  std::set<std::string_view> names;
  for (const auto& [key, value] : dict.items) {
    const auto* name = key->as<std::string>();
    if (name == nullptr || !PickledTensorReader::is_tensor(*value)) {
      const auto* call = value->as<PickleCall>();
      throw data_error(fmt::format("{} holds a dict whose entry {} is not a tensor{}", source,
                                   name != nullptr ? quoted_name(*name) : "without a name",
                                   call != nullptr ? ", but " + kind_of(*value) : ""),
                       kStateHint);
    }
    if (!names.insert(*name).second) throw damaged_error(source, "tensor " + quoted_name(*name) + " occurs twice");
    state.emplace_back(*name, tensors.read(*value, *name));
  }
  return state;
}

std::vector<std::string> read_class_names(const PickleValue& value, const std::string& source) {
  std::vector<std::string> names;
  std::size_t bytes = 0;  // the list can contain one name a million times
  const auto* list = value.as<PickleList>();
  const auto* tuple = value.as<PickleTuple>();
  if (list == nullptr && tuple == nullptr) {
    throw data_error(source + " holds 'class_names' that are not a list", "save a list of str as class_names");
  }
  for (const auto* item : list != nullptr ? list->items : tuple->items) {
    const auto* name = item->as<std::string>();
    if (name == nullptr) {
      throw data_error(source + " holds 'class_names' that are not all strings", "save a list of str as class_names");
    }
    bytes += name->size();
    if (bytes > kMaxPickleBytes) throw damaged_error(source, "its 'class_names' are too long");
    names.push_back(*name);
  }
  return names;
}

// Finds the dict with the weights and adds a note about it.
const PickleDict& find_state(const PickleDict& outermost, const std::string& source, std::vector<std::string>& notes) {
  const PickleDict* weights = nullptr;
  std::string unusable;
  std::vector<std::string> others;
  for (const auto key : kStateKeys) {
    const auto* value = find(outermost, key);
    if (value == nullptr || value->as<std::monostate>() != nullptr) continue;
    const auto* dict = value->as<PickleDict>();
    if (dict == nullptr || !holds_tensors(*dict)) {
      if (unusable.empty()) unusable = fmt::format("{}, which is {}", quoted_name(key), kind_of(*value));
    } else if (weights == nullptr) {
      weights = dict;
      notes.push_back(fmt::format("the weights are those under {}", quoted_name(key)));
    } else {
      others.push_back(quoted_name(key));
    }
  }
  if (!others.empty())
    notes.back() += fmt::format("; others, which are not used, are under {}", fmt::join(others, ", "));
  if (weights != nullptr) return *weights;
  if (holds_tensors(outermost)) return outermost;
  if (outermost.items.empty()) throw data_error(source + " holds an empty dict, no tensors", kStateHint);
  if (!unusable.empty()) {
    throw data_error(fmt::format("{} holds no dict of tensors under {}", source, unusable), kStateHint);
  }
  throw data_error(source + " holds no state dict; its keys are " + keys_of(outermost),
                   "save the state dict itself, or under the key \"state_dict\"");
}

}  // namespace

PickledModel read_pickled_model(const PickleValue& root, const PickleReader& pickle, PickledTensorReader& tensors,
                                const std::string& source) {
  if (PickledTensorReader::is_tensor(root)) return {{{"", tensors.read(root, "")}}, {}, {}};
  const auto* dict = root.as<PickleDict>();
  if (dict == nullptr) throw data_error(source + " holds no dict of tensors, but " + kind_of(root), kStateHint);

  PickledModel model;
  const auto& state = find_state(*dict, source, model.notes);
  if (const auto* names = find(*dict, "class_names"); names != nullptr && &state != dict) {
    model.class_names = read_class_names(*names, source);
  }
  model.state = read_state(state, tensors, source);
  if (const auto& names = pickle.foreign_names(); !names.empty()) {
    constexpr std::size_t kShown = 5;
    std::vector<std::string> shown;
    for (const auto& name : names) {
      if (shown.size() < kShown) shown.push_back(printable(name));
    }
    model.notes.push_back(fmt::format("values that are not weights are ignored: {}{}", fmt::join(shown, ", "),
                                      names.size() > kShown ? ", ..." : ""));
  }
  return model;
}

}  // namespace mnist
