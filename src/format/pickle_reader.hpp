// Python pickles as plain values. Nothing is ever imported or called: a pickle can name only what stands on a short
// list (tensors, their storages, OrderedDict), and what Python would do with it is written down, not done. Not for:
// objects of any class (refused by name), protocols other than 2 (what torch.save writes by default).
//
// Source: CPython, Lib/pickletools.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
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
struct PickleCall {  // the result that `function(*arguments)` has in Python
  std::string function;
  const PickleTuple* arguments;
};
struct PickleReference {  // the thing outside of the pickle that `id` stands for: a storage
  const PickleValue* id;
};
struct PickleOther {};  // a value of no use here: an integer of more than 64 bits, raw bytes

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

// Owns the values that it has read; they may share parts and even contain themselves, so look only as deep as the
// expected structure goes.
class PickleReader {
 public:
  explicit PickleReader(std::string source) : source_(std::move(source)) {}
  PickleReader(const PickleReader&) = delete;
  PickleReader& operator=(const PickleReader&) = delete;

  // Reads the one pickle that begins at `offset` of `bytes` and moves `offset` behind it.
  // Throws a data `Error` naming the source: truncated, damaged, more than a million values, not only data.
  const PickleValue& read(std::string_view bytes, std::size_t& offset);

  // The references in everything read so far, in their order.
  const std::vector<const PickleReference*>& references() const { return references_; }

 private:
  class Machine;

  std::string source_;
  std::deque<PickleValue> values_;
  std::vector<const PickleReference*> references_;
};

}  // namespace mnist
