#include "pickled_tensors.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "mnist/core/text.hpp"

#include "dtypes.hpp"
#include "file_errors.hpp"
#include "model_limits.hpp"
#include "saturating.hpp"

namespace mnist {
namespace {

constexpr std::uint64_t kSpareBytes = 1 << 20;
constexpr std::uint64_t kMostReads = 4;  // of each byte, on average

bool is_call_of(const PickleCall* call, std::string_view function, std::size_t least_arguments) {
  return call != nullptr && call->function_name() == function && call->argument_list() != nullptr &&
         call->argument_list()->items.size() >= least_arguments;
}

// The call that rebuilds the tensor, also inside a parameter; nullptr if the value is not a tensor.
const PickleCall* tensor_call(const PickleValue& value) {
  const auto* call = value.as<PickleCall>();
  if (is_call_of(call, "torch._utils._rebuild_parameter", 1)) {
    call = call->argument_list()->items[0]->as<PickleCall>();
  }
  const bool is_tensor =
      is_call_of(call, "torch._utils._rebuild_tensor_v2", 4) || is_call_of(call, "torch._utils._rebuild_tensor", 4);
  return is_tensor ? call : nullptr;
}

// Reads a tuple of integers >= 0; returns false if it is something else.
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

// Whether the tensor is the negative of what its storage holds (a view such as `torch.imag(x.conj())`): the last
// argument, if there is one, is a dict such as {"neg": True}. Throws for flags that change values in other ways.
bool is_negated(const PickleTuple& arguments, const std::string& name, const std::string& source) {
  constexpr std::size_t kFlags = 6;  // of _rebuild_tensor_v2
  if (arguments.items.size() <= kFlags) return false;
  if (arguments.items[kFlags]->as<std::monostate>() != nullptr) return false;
  const auto* flags = arguments.items[kFlags]->as<PickleDict>();
  if (flags == nullptr) throw damaged_error(source, "the flags of tensor " + quoted_name(name) + " are not a dict");
  // PyTorch has two flags. The limit matters because all tensors can share one dict with a million entries.
  constexpr std::size_t kMostFlags = 10;
  if (flags->items.size() > kMostFlags) {
    throw damaged_error(source, "the flags of tensor " + quoted_name(name) + " are too many");
  }
  bool negated = false;
  for (const auto& [key, value] : flags->items) {
    const auto* flag = key->as<std::string>();
    const auto* set = value->as<bool>();
    if (set != nullptr && !*set) continue;
    if (flag == nullptr || *flag != "neg" || set == nullptr) {
      throw data_error(fmt::format("{} holds tensor {} with the flag {}, which is not supported", source,
                                   quoted_name(name), flag != nullptr ? quoted_name(*flag) : "of no name"),
                       "save the plain values in Python: tensor.resolve_conj().resolve_neg()");
    }
    negated = true;
  }
  return negated;
}

}  // namespace

StorageId storage_id(const PickleReference& reference, const std::string& owner, const std::string& source) {
  const auto* tuple = reference.id->as<PickleTuple>();
  const auto fail = [&](const std::string& what) {
    return damaged_error(source, fmt::format("the storage of {} in its pickle {}", owner, what));
  };
  // An optional sixth item would make the storage a view of another one.
  if (tuple == nullptr || tuple->items.size() < 5 || tuple->items.size() > 6) throw fail("is not described by a tuple");
  const auto& items = tuple->items;
  const auto* kind = items[0]->as<std::string>();
  const auto* type_name = items[1]->as<PickleGlobal>();
  const auto* key = items[2]->as<std::string>();
  const auto* count = items[4]->as<std::int64_t>();
  if (kind == nullptr || *kind != "storage" || type_name == nullptr) throw fail("has no type");
  const std::string torch = "torch.";
  const auto type =
      type_name->name.starts_with(torch) ? type_of_storage(type_name->name.substr(torch.size())) : std::nullopt;
  if (!type) {
    throw data_error(
        fmt::format("{} holds {} of type {}, which is not supported", source, owner, quoted_name(type_name->name)),
        "convert it in Python first, with .float() for example");
  }
  if (key == nullptr || count == nullptr || *count < 0) throw fail("has no name or no size");
  // PyTorch's keys are numbers. The key is copied for every reference, and a small file can have millions of them.
  if (key->size() > 100) throw fail("has a name that is too long");
  if (items.size() == 6 && items[5]->as<std::monostate>() == nullptr) {
    throw data_error(
        fmt::format("{} holds {} in a storage that is a view of another, which is not supported", source, owner),
        "load and save it again with PyTorch 1.6 or newer");
  }
  // Ensures that byte_count() cannot overflow.
  if (*count > std::numeric_limits<std::int64_t>::max() / 16) throw fail("is impossibly large");
  return {*key, *type, static_cast<std::uint64_t>(*count)};
}

struct PickledTensorReader::View {
  StorageId storage;
  std::uint64_t offset = 0;  // elements
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;  // elements
  std::uint64_t count = 1;            // elements of the tensor
  std::uint64_t span = 1;             // elements of the storage from the first to the last element
};

std::uint64_t usual_memory(const FileBytes& file) {
  return std::min(file.size() + kSpareBytes, kMaxTensorBytes);
}

PickledTensorReader::PickledTensorReader(const FileBytes& file, FindStorage find_storage, std::uint64_t memory)
    : file_(file),
      find_storage_(std::move(find_storage)),
      memory_(memory),
      memory_left_(memory),
      reads_left_(kMostReads * file.size() + kSpareBytes) {}

bool PickledTensorReader::is_tensor(const PickleValue& value) {
  return tensor_call(value) != nullptr;
}

// `arguments`: storage, offset, sizes, strides, ...
PickledTensorReader::View PickledTensorReader::view_of(const PickleTuple& arguments, const std::string& name) const {
  const auto fail = [&](const std::string& what) {
    return damaged_error(file_.name(), "tensor " + quoted_name(name) + what);
  };
  View view;
  const auto* reference = arguments.items[0]->as<PickleReference>();
  const auto* offset = arguments.items[1]->as<std::int64_t>();
  if (reference == nullptr || offset == nullptr || *offset < 0 || !read_integers(*arguments.items[2], view.sizes) ||
      !read_integers(*arguments.items[3], view.strides) || view.sizes.size() != view.strides.size()) {
    throw fail(" is not described as PyTorch does");
  }
  view.storage = storage_id(*reference, "tensor " + quoted_name(name), file_.name());
  view.offset = static_cast<std::uint64_t>(*offset);
  for (std::size_t i = 0; i < view.sizes.size(); ++i) {
    const auto size = static_cast<std::uint64_t>(view.sizes[i]);
    view.count = saturating_multiply(view.count, size);
    if (size == 0) continue;
    view.span = saturating_add(view.span, saturating_multiply(size - 1, static_cast<std::uint64_t>(view.strides[i])));
  }
  if (std::ranges::find(view.sizes, 0) != view.sizes.end()) view.count = view.span = 0;
  if (saturating_add(view.offset, view.span) > view.storage.count) throw fail(" reaches outside of its storage");
  if (!addressable(view.sizes)) throw fail(" is impossibly large in the dimensions that are not empty");
  return view;
}

void PickledTensorReader::take_memory(const View& view, const std::string& name) {
  const auto element = c10::elementSize(view.storage.type);
  const auto memory = saturating_multiply(view.count, element);
  const auto read = saturating_multiply(view.span, element);
  if (memory > memory_left_ || read > std::min(reads_left_, memory_)) {
    if (file_.size() >= memory_) throw too_large_error(file_.name(), memory_);
    throw damaged_error(file_.name(), "tensor " + quoted_name(name) + " needs more memory than the file has bytes");
  }
  memory_left_ -= memory;
  reads_left_ -= read;
  if (tensors_left_-- == 0) throw too_many_error(file_.name(), kMaxTensors);
}

at::Tensor PickledTensorReader::read(const PickleValue& value, const std::string& name) {
  const auto* call = tensor_call(value);
  if (call == nullptr) throw damaged_error(file_.name(), "tensor " + quoted_name(name) + " is not a tensor");
  const auto& arguments = *call->argument_list();
  const auto view = view_of(arguments, name);
  const auto type = view.storage.type;
  const bool negated = is_negated(arguments, name, file_.name());
  if (negated && type == at::kBool)
    throw damaged_error(file_.name(), "tensor " + quoted_name(name) + " negates booleans");
  take_memory(view, name);
  const auto begin = find_storage_(view.storage);
  if (view.count == 0) return at::empty(view.sizes, type);

  // Reads booleans as numbers first, because values other than 0 and 1 are undefined behaviour.
  auto flat = at::empty({static_cast<std::int64_t>(view.span)}, type == at::kBool ? at::kByte : type);
  file_.read(begin + view.offset * c10::elementSize(type), flat.mutable_data_ptr(), flat.nbytes());
  if (type == at::kBool) flat = flat.ne(0);
  auto tensor = flat.as_strided(view.sizes, view.strides).contiguous();
  return negated ? tensor.neg() : tensor;
}

}  // namespace mnist
