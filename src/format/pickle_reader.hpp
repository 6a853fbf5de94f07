// Python pickles as plain values. Nothing is ever imported or called: what Python would call is written down by name,
// not done. So tensors can be made of the few calls that are known, and objects of any class beside them
// (argparse.Namespace, numpy's scalars) are passed over. Not for: protocols other than 2 (what torch.save writes by
// default).
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
struct PickleCall {  // the result that `function(*arguments)` has in Python: an object of which no more is known
  const PickleValue* function;
  const PickleValue* arguments;

  std::string_view function_name() const;    // "torch._utils._rebuild_tensor_v2"; empty if it is no global
  const PickleTuple* argument_list() const;  // nullptr if they are no tuple
};
struct PickleReference {  // the thing outside of the pickle that `id` stands for: a storage
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

// The value under a text key; nullptr where there is none.
const PickleValue* find(const PickleDict& dict, std::string_view key);

// Pickles of more bytes are not read: those of state dicts need a hundredth.
inline constexpr std::size_t kMaxPickleBytes = std::size_t{16} << 20;

// Owns the values that it has read; they may share parts and even contain themselves, so look only as deep as the
// expected structure goes.
class PickleReader {
 public:
  // `cut`: whether `read` gets only the beginning of a longer source; a pickle that does not end there is too large.
  explicit PickleReader(std::string source, bool cut = false) : source_(std::move(source)), cut_(cut) {}
  PickleReader(const PickleReader&) = delete;
  PickleReader& operator=(const PickleReader&) = delete;

  // Reads the one pickle that begins at `offset` of `bytes` and moves `offset` behind it.
  // Throws a data `Error` naming the source: truncated, damaged, more than a million values in all that was read.
  const PickleValue& read(std::string_view bytes, std::size_t& offset);

  // The references in everything read so far, in their order.
  const std::vector<const PickleReference*>& references() const { return references_; }

  // The first hundred names, read so far, of what is no part of a tensor or a dict: "argparse.Namespace".
  const std::set<std::string, std::less<>>& foreign_names() const { return foreign_names_; }

 private:
  class Machine;

  std::string source_;
  bool cut_;
  std::deque<PickleValue> values_;
  std::size_t value_count_ = 0;  // also of those that are remembered and used again
  std::vector<const PickleReference*> references_;
  std::set<std::string, std::less<>> foreign_names_;
};

}  // namespace mnist
