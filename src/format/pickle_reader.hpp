// Reads Python pickles as plain values. It never imports or calls anything: a call is recorded by name, not executed.
// So tensors can be built from the few known calls, and objects of other classes (argparse.Namespace, numpy scalars)
// are ignored. Not for protocols other than 2 (the default of torch.save).
//
// Source: CPython, Lib/pickletools.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mnist {

struct PickleValue;

struct PickleList {
  std::vector<const PickleValue*> items;
};
struct PickleTuple {
  std::vector<const PickleValue*> items;
};
struct PickleDict {  // also an OrderedDict
  std::vector<std::pair<const PickleValue*, const PickleValue*>> items;
};
struct PickleGlobal {
  std::string name;  // "torch.FloatStorage"
};
struct PickleCall {  // the unknown result of `function(*arguments)` in Python
  const PickleValue* function;
  const PickleValue* arguments;

  std::string_view function_name() const;    // "torch._utils._rebuild_tensor_v2"; empty if it is not a global
  const PickleTuple* argument_list() const;  // nullptr if they are not a tuple
};
struct PickleReference {  // a persistent id: refers to a storage outside of the pickle
  const PickleValue* id;
};
struct PickleOther {};  // an integer of more than 64 bits

struct PickleValue {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, PickleList, PickleTuple, PickleDict,
               PickleGlobal, PickleCall, PickleReference, PickleOther>
      value;  // monostate: None

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&value);
  }
};

// The value under a string key; nullptr if there is none.
const PickleValue* find(const PickleDict& dict, std::string_view key);

// The maximum size of a pickle in bytes; state dicts need a hundredth of it.
inline constexpr std::size_t kMaxPickleBytes = std::size_t{16} << 20;

// Owns the values that it has read. Values may share parts and even contain themselves, so callers must limit their
// recursion to the expected structure.
class PickleReader {
 public:
  // `cut`: whether `read` gets only the start of a longer source. If the pickle does not end there, it is too large.
  explicit PickleReader(std::string source, bool cut = false) : source_(std::move(source)), cut_(cut) {}
  PickleReader(const PickleReader&) = delete;
  PickleReader& operator=(const PickleReader&) = delete;

  // Reads the pickle at `offset` of `bytes` and moves `offset` to its end. Throws a data `Error` that names the source
  // if the pickle is truncated or damaged, or if all pickles together have more than a million values.
  const PickleValue& read(std::string_view bytes, std::size_t& offset);

  // All references that were read so far, in order.
  const std::vector<const PickleReference*>& references() const { return references_; }

  // The first hundred names of objects that are not part of a tensor or a dict: "argparse.Namespace".
  const std::set<std::string, std::less<>>& foreign_names() const { return foreign_names_; }

 private:
  class Machine;

  std::string source_;
  bool cut_;
  std::deque<PickleValue> values_;
  std::size_t value_count_ = 0;  // includes repeated uses of memo values
  std::vector<const PickleReference*> references_;
  std::set<std::string, std::less<>> foreign_names_;
};

}  // namespace mnist
