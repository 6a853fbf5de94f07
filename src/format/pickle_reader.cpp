#include "pickle_reader.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_map>

#include <fmt/format.h>

#include "mnist/core/text.hpp"

#include "bytes.hpp"
#include "dtypes.hpp"
#include "file_errors.hpp"

namespace mnist {
namespace {

// Limits the memory that a small file can request; the largest networks need a tenth of it.
constexpr std::size_t kMaxValues = 1'000'000;

constexpr std::string_view kOrderedDict = "collections.OrderedDict";

// The functions that appear in a state dict.
bool is_known(std::string_view module, std::string_view name) {
  if (module == "torch") return type_of_storage(name).has_value();
  if (module == "collections") return name == "OrderedDict";
  return module == "torch._utils" &&
         (name == "_rebuild_tensor_v2" || name == "_rebuild_tensor" || name == "_rebuild_parameter");
}

}  // namespace

std::string_view PickleCall::function_name() const {
  const auto* global = function->as<PickleGlobal>();
  return global != nullptr ? std::string_view(global->name) : std::string_view();
}

const PickleTuple* PickleCall::argument_list() const {
  return arguments->as<PickleTuple>();
}

const PickleValue* find(const PickleDict& dict, std::string_view key) {
  for (const auto& [name, value] : dict.items) {
    if (const auto* text = name->as<std::string>(); text != nullptr && *text == key) return value;
  }
  return nullptr;
}

// The stack machine that executes one pickle.
class PickleReader::Machine {
 public:
  Machine(PickleReader& reader, std::string_view bytes, std::size_t offset)
      : reader_(reader), bytes_(bytes), offset_(offset) {}

  const PickleValue& run() {
    if (next_byte() != 0x80) fail("it does not begin with its protocol");
    if (const int protocol = next_byte(); protocol != 2) {
      throw data_error(
          fmt::format("{} was pickled with protocol {}, only protocol 2 is supported", reader_.source_, protocol),
          "save it with torch.save, without pickle_protocol");
    }
    int opcode = next_byte();
    for (; opcode != '.'; opcode = next_byte()) step(opcode);
    if (stack_.size() != 1 || !marks_.empty()) fail("it does not end with one value");
    return *stack_[0];
  }

  std::size_t offset() const { return offset_; }

 private:
  // Values and containers.
  void step(int opcode) {
    switch (opcode) {
      case '(':
        return push_mark();
      case 'N':
        return push_new(std::monostate{});
      case 0x88:
        return push_new(true);
      case 0x89:
        return push_new(false);
      case 'K':
        return push_new(std::int64_t{next<std::uint8_t>()});
      case 'M':
        return push_new(std::int64_t{next<std::uint16_t>()});
      case 'J':
        return push_new(std::int64_t{static_cast<std::int32_t>(next<std::uint32_t>())});
      case 0x8a:
        return push_long(next_bytes(next<std::uint8_t>()));
      case 0x8b:
        return push_long(next_bytes(next<std::uint32_t>()));
      case 'G':
        return push_float(next_bytes(8));
      case 'X':
      case 'T':  // str of Python 2
        return push_new(std::string(next_bytes(next<std::uint32_t>())));
      case 'U':
        return push_new(std::string(next_bytes(next<std::uint8_t>())));
      case ']':
        return push_new(PickleList{});
      case 'a':
        return append({pop()});
      case 'e':
        return append(pop_to_mark());
      case ')':
        return push_new(PickleTuple{});
      case 't':
        return push_new(PickleTuple{pop_to_mark()});
      case 0x85:
        return push_new(PickleTuple{pop_last(1)});
      case 0x86:
        return push_new(PickleTuple{pop_last(2)});
      case 0x87:
        return push_new(PickleTuple{pop_last(3)});
      case '}':
        return push_new(PickleDict{});
      case 's':
        return set_items(pop_last(2));
      case 'u':
        return set_items(pop_to_mark());
      default:
        step_further(opcode);
    }
  }

  // Classes, calls, storages and memo values.
  void step_further(int opcode) {
    switch (opcode) {
      case 'c':
        return push_global();
      case 'R':
      case 0x81:  // NEWOBJ: an object of a class, without __init__
        return call();
      case 'b':
        return build();
      case 'Q':
        return push_reference();
      case 'q':
        return put(next<std::uint8_t>());
      case 'r':
        return put(next<std::uint32_t>());
      case 'h':
        return get(next<std::uint8_t>());
      case 'j':
        return get(next<std::uint32_t>());
      default:
        fail(fmt::format("opcode 0x{:02x} is not one that PyTorch writes", opcode));
    }
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw damaged_error(reader_.source_, fmt::format("its pickle is wrong at byte {}: {}", offset_, what));
  }

  [[noreturn]] void fail_at_the_end() const {
    if (!reader_.cut_) throw truncated_error(reader_.source_, "its pickle ends early");
    throw data_error(fmt::format("{} holds a pickle of more than {} bytes, the limit", reader_.source_, bytes_.size()),
                     kStateHint);
  }

  std::string_view next_bytes(std::size_t count) {
    if (count > bytes_.size() - offset_) fail_at_the_end();
    offset_ += count;
    return bytes_.substr(offset_ - count, count);
  }
  template <typename T>
  T next() {
    return load_little_endian<T>(next_bytes(sizeof(T)), 0);
  }
  int next_byte() { return next<std::uint8_t>(); }

  std::string next_line() {
    constexpr std::size_t kLongest = 1000;  // name of a module or a class
    const auto end = bytes_.substr(offset_, kLongest + 1).find('\n');
    if (end == std::string_view::npos) {
      if (bytes_.size() - offset_ > kLongest) fail("a name in it is too long");
      fail_at_the_end();
    }
    std::string line(next_bytes(end));
    ++offset_;
    return line;
  }

  void count_values(std::size_t count) {
    reader_.value_count_ += count;
    if (reader_.value_count_ > kMaxValues) fail(fmt::format("it holds more than {} values", kMaxValues));
  }

  void push(PickleValue* value) {
    count_values(1);
    stack_.push_back(value);
  }
  void push_mark() {
    count_values(1);
    marks_.push_back(stack_.size());
  }
  template <typename T>
  void push_new(T value) {
    push(&reader_.values_.emplace_back(PickleValue{std::move(value)}));
  }

  // Values below the last mark are not accessible until the mark is removed.
  std::size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
  PickleValue* top() const {
    if (available() == 0) fail("its stack is empty");
    return stack_.back();
  }
  PickleValue* pop() {
    auto* value = top();
    stack_.pop_back();
    return value;
  }
  std::vector<const PickleValue*> pop_last(std::size_t count) {
    if (available() < count) fail("its stack is empty");
    const auto begin = stack_.end() - static_cast<std::ptrdiff_t>(count);
    std::vector<const PickleValue*> values(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    return values;
  }
  std::vector<const PickleValue*> pop_to_mark() {
    if (marks_.empty()) fail("a mark is missing");
    auto values = pop_last(available());
    marks_.pop_back();
    return values;
  }

  void push_long(std::string_view digits) {
    if (digits.size() > sizeof(std::int64_t)) return push_new(PickleOther{});
    const bool negative = !digits.empty() && (digits.back() & 0x80) != 0;
    std::string extended(digits);
    extended.resize(sizeof(std::int64_t), negative ? '\xff' : '\0');
    push_new(static_cast<std::int64_t>(load_little_endian<std::uint64_t>(extended, 0)));
  }

  void push_float(std::string_view big_endian) {
    const std::string bytes(big_endian.rbegin(), big_endian.rend());
    push_new(std::bit_cast<double>(load_little_endian<std::uint64_t>(bytes, 0)));
  }

  void push_global() {
    const auto module = next_line();
    const auto name = next_line();
    auto full_name = module + "." + name;
    constexpr std::size_t kMostNames = 100;
    if (!is_known(module, name) && reader_.foreign_names_.size() < kMostNames) reader_.foreign_names_.insert(full_name);
    push_new(PickleGlobal{std::move(full_name)});
  }

  // Records the call. Only OrderedDict gets a result.
  void call() {
    const auto* arguments = pop();
    const auto* function = pop();
    const PickleCall result{function, arguments};
    if (result.function_name() != kOrderedDict) return push_new(result);
    const auto* list = result.argument_list();
    if (list == nullptr) fail("a call has no arguments");
    push_new(list->items.empty() ? PickleDict{} : dict_of_pairs(*list));
  }

  // Python 2 writes an OrderedDict as a call with a list of [key, value] lists.
  PickleDict dict_of_pairs(const PickleTuple& arguments) {
    const auto* list = arguments.items.size() == 1 ? arguments.items[0]->as<PickleList>() : nullptr;
    if (list == nullptr) fail("an OrderedDict is not made of a list");
    count_values(list->items.size());  // one memo list can be copied many times
    PickleDict dict;
    for (const auto* item : list->items) {
      const auto* pair = item->as<PickleList>();
      if (pair == nullptr || pair->items.size() != 2) fail("an OrderedDict is not made of pairs");
      dict.items.emplace_back(pair->items[0], pair->items[1]);
    }
    return dict;
  }

  // Ignores attributes, because they do not affect tensors: those of an OrderedDict (`_metadata`) and of ignored
  // objects.
  void build() {
    pop();
    if (top()->as<PickleDict>() == nullptr && !is_object(*top())) fail("attributes are set on a plain value");
  }

  // An unknown object accepts any content.
  static bool is_object(const PickleValue& value) { return value.as<PickleCall>() != nullptr; }

  void push_reference() {
    push_new(PickleReference{pop()});
    reader_.references_.push_back(stack_.back()->as<PickleReference>());
  }

  void append(const std::vector<const PickleValue*>& values) {
    auto* list = std::get_if<PickleList>(&top()->value);
    if (list == nullptr && is_object(*top())) return;
    if (list == nullptr) fail("a value is appended to something that is not a list");
    list->items.insert(list->items.end(), values.begin(), values.end());
  }

  void set_items(const std::vector<const PickleValue*>& values) {
    auto* dict = std::get_if<PickleDict>(&top()->value);
    if (dict == nullptr && is_object(*top())) return;
    if (dict == nullptr || values.size() % 2 != 0) fail("keys and values are set in something that is not a dict");
    for (std::size_t i = 0; i < values.size(); i += 2) dict->items.emplace_back(values[i], values[i + 1]);
  }

  void put(std::uint32_t index) {
    memo_[index] = top();
    if (memo_.size() > kMaxValues) fail(fmt::format("its memo has more than {} values", kMaxValues));
  }
  void get(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail(fmt::format("value {} of its memo is missing", index));
    push(found->second);
  }

  PickleReader& reader_;
  std::string_view bytes_;
  std::size_t offset_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, PickleValue*> memo_;
};

const PickleValue& PickleReader::read(std::string_view bytes, std::size_t& offset) {
  Machine machine(*this, bytes, offset);
  const auto& value = machine.run();
  offset = machine.offset();
  return value;
}

}  // namespace mnist
