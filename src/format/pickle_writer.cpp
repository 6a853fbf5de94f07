#include "pickle_writer.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "bytes.hpp"
#include "dtypes.hpp"
#include "file_errors.hpp"

namespace mnist {
namespace {

// Writes the same opcodes as CPython's pickler for protocol 2, with its numbering of memo values.
class PickleWriter {
 public:
  void begin() { out_ += "\x80\x02"; }
  std::string end() && { return std::move(out_ += '.'); }

  void op(char opcode) { out_ += opcode; }
  void mark() { op('('); }
  void empty_tuple() { op(')'); }

  void integer(std::int64_t value) {
    if (value >= 0 && value <= 0xff) {
      op('K');
      append_little_endian(out_, static_cast<std::uint8_t>(value));
    } else if (value >= 0 && value <= 0xffff) {
      op('M');
      append_little_endian(out_, static_cast<std::uint16_t>(value));
    } else if (value >= 0 && value <= std::numeric_limits<std::int32_t>::max()) {
      op('J');
      append_little_endian(out_, static_cast<std::uint32_t>(value));
    } else {
      std::string digits;
      append_little_endian(digits, static_cast<std::uint64_t>(value));
      while (digits.back() == '\0' && (digits[digits.size() - 2] & 0x80) == 0) digits.pop_back();
      op('\x8a');
      append_little_endian(out_, static_cast<std::uint8_t>(digits.size()));
      out_ += digits;
    }
  }

  void text(std::string_view text) {
    op('X');
    append_little_endian(out_, static_cast<std::uint32_t>(text.size()));
    out_ += text;
    remember();
  }

  // A string or global that is a single object in Python: written once, then referenced.
  void constant(std::string_view value) {
    if (!recall(value)) {
      text(value);
      constants_[std::string(value)] = next_memo_ - 1;
    }
  }
  void global(std::string_view module, std::string_view name) {
    const auto key = std::string(module) + '\n' + std::string(name) + '\n';
    if (!recall(key)) {
      out_ += 'c' + key;
      remember();
      constants_[key] = next_memo_ - 1;
    }
  }

  // Builds a tuple of the values since the mark.
  void end_tuple() {
    op('t');
    remember();
  }

  void integers(const std::vector<std::int64_t>& values) {
    if (values.empty()) return empty_tuple();
    if (values.size() > 3) mark();
    for (const auto value : values) integer(value);
    op(values.size() > 3 ? 't' : static_cast<char>(0x84 + values.size()));
    remember();
  }

  void empty_dict() {
    op('}');
    remember();
  }
  void empty_ordered_dict() {
    global("collections", "OrderedDict");
    empty_tuple();
    op('R');
    remember();
  }

  // Fills the dict on the stack, in batches as the pickler does. `item(i)` writes the key and value of item i.
  void items(std::size_t count, const std::function<void(std::size_t)>& item) {
    constexpr std::size_t kBatch = 1000;
    for (std::size_t begin = 0; begin < count; begin += kBatch) {
      const auto end = std::min(begin + kBatch, count);
      const bool single = end - begin == 1;
      if (!single) mark();
      for (auto i = begin; i < end; ++i) item(i);
      op(single ? 's' : 'u');
    }
  }

  // A list of strings, in batches like the pickler.
  void texts(const std::vector<std::string>& values) {
    op(']');
    remember();
    constexpr std::size_t kBatch = 1000;
    for (std::size_t begin = 0; begin < values.size(); begin += kBatch) {
      const auto end = std::min(begin + kBatch, values.size());
      const bool single = end - begin == 1;
      if (!single) mark();
      for (auto i = begin; i < end; ++i) text(values[i]);
      op(single ? 'a' : 'e');
    }
  }

  void remember() {
    const auto index = next_memo_++;
    if (index <= 0xff) {
      op('q');
      append_little_endian(out_, static_cast<std::uint8_t>(index));
    } else {
      op('r');
      append_little_endian(out_, index);
    }
  }

 private:
  bool recall(std::string_view key) {
    const auto found = constants_.find(key);
    if (found == constants_.end()) return false;
    const auto index = found->second;
    if (index <= 0xff) {
      op('h');
      append_little_endian(out_, static_cast<std::uint8_t>(index));
    } else {
      op('j');
      append_little_endian(out_, index);
    }
    return true;
  }

  std::string out_;
  std::uint32_t next_memo_ = 0;
  std::map<std::string, std::uint32_t, std::less<>> constants_;
};

// A contiguous tensor may have other strides where a size is 1 or 0.
std::vector<std::int64_t> dense_strides(at::IntArrayRef sizes) {
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t i = sizes.size(); i-- > 1;) strides[i - 1] = strides[i] * std::max<std::int64_t>(sizes[i], 1);
  return strides;
}

void write_tensor(PickleWriter& out, const at::Tensor& tensor, std::size_t storage) {
  const auto storage_type = storage_of_type(tensor.scalar_type());
  // torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, backward_hooks)
  out.global("torch._utils", "_rebuild_tensor_v2");
  out.mark();
  out.mark();
  out.constant("storage");
  out.global("torch", storage_type);
  out.text(std::to_string(storage));
  out.constant("cpu");
  out.integer(tensor.numel());
  out.end_tuple();
  out.op('Q');
  out.integer(0);
  out.integers(tensor.sizes().vec());
  out.integers(dense_strides(tensor.sizes()));
  out.op('\x89');
  out.empty_ordered_dict();
  out.end_tuple();
  out.op('R');
  out.remember();
}

struct ModuleVersion {
  std::string name;  // "layer1.0", "" for the whole
  int version;
};

// The module versions in `state_dict()`'s metadata, derived from the names of the tensors. Modules without tensors are
// missing, which Python accepts. Version 2 is BatchNorm's since it has num_batches_tracked.
std::vector<ModuleVersion> module_versions(const NamedTensors& state) {
  std::vector<ModuleVersion> modules{{"", 1}};
  std::map<std::string, std::size_t> index{{"", 0}};
  for (const auto& [key, tensor] : state) {
    for (auto dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1)) {
      const auto name = key.substr(0, dot);
      if (index.emplace(name, modules.size()).second) modules.push_back({name, 1});
    }
    const auto last = key.rfind('.');
    if (key.substr(last + 1) == "num_batches_tracked") {
      modules[index[last == std::string::npos ? "" : key.substr(0, last)]].version = 2;
    }
  }
  return modules;
}

// `storage(i)` is the storage of tensor i.
void write_tensors(PickleWriter& out, const NamedTensors& tensors,
                   const std::function<std::size_t(std::size_t)>& storage) {
  out.items(tensors.size(), [&](std::size_t i) {
    out.text(tensors[i].first);
    write_tensor(out, tensors[i].second, storage(i));
  });
}

void write_state(
    PickleWriter& out, const NamedTensors& state,
    const std::function<std::size_t(std::size_t)>& storage = [](std::size_t i) { return i; }) {
  out.empty_ordered_dict();
  write_tensors(out, state, storage);

  // The attributes of the OrderedDict: {'_metadata': OrderedDict({'conv1': {'version': 1}, ...})}
  out.empty_dict();
  out.text("_metadata");
  out.empty_ordered_dict();
  const auto modules = module_versions(state);
  out.items(modules.size(), [&](std::size_t i) {
    out.text(modules[i].name);
    out.empty_dict();
    out.constant("version");
    out.integer(modules[i].version);
    out.op('s');
  });
  out.op('s');
  out.op('b');
}

}  // namespace

std::string pickle_state(const NamedTensors& state) {
  PickleWriter out;
  out.begin();
  write_state(out, state);
  return std::move(out).end();
}

std::string pickle_state_and_class_names(const NamedTensors& state, const std::vector<std::string>& class_names) {
  PickleWriter out;
  out.begin();
  out.empty_dict();
  out.mark();
  out.text("state_dict");
  write_state(out, state);
  out.text("class_names");
  out.texts(class_names);
  out.op('u');
  return std::move(out).end();
}

std::vector<std::size_t> storage_numbers(const NamedTensors& tensors) {
  std::map<std::pair<const void*, std::size_t>, std::size_t> known;
  std::vector<std::size_t> numbers;
  std::size_t next = 0;
  for (const auto& [name, tensor] : tensors) {
    // Tensors without elements have no memory to share.
    const auto [found, is_new] = known.emplace(std::pair{tensor.const_data_ptr(), tensor.nbytes()}, next);
    const bool shares = !is_new && tensor.nbytes() > 0;
    numbers.push_back(shares ? found->second : next++);
  }
  return numbers;
}

std::string pickle_checkpoint(const NamedTensors& state,
                              const std::vector<std::pair<std::string, NamedTensors>>& others,
                              const std::vector<std::size_t>& storages) {
  std::size_t first = 0;  // of the tensors of a dict
  const auto storage = [&](std::size_t i) { return storages[first + i]; };
  PickleWriter out;
  out.begin();
  out.empty_dict();
  out.mark();
  out.text("state_dict");
  write_state(out, state, storage);
  first += state.size();
  for (const auto& [name, tensors] : others) {
    out.text(name);
    out.empty_dict();
    write_tensors(out, tensors, storage);
    first += tensors.size();
  }
  out.op('u');
  return std::move(out).end();
}

}  // namespace mnist
