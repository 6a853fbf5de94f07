#include "pt_legacy.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>

#include "mnist/core/text.hpp"

#include "bytes.hpp"
#include "file_errors.hpp"
#include "pickle_reader.hpp"
#include "pickled_model.hpp"
#include "pickled_tensors.hpp"

namespace mnist {
namespace {

struct Storage {
  StorageId id;
  std::uint64_t offset = 0;  // in the file; 0: not found yet
};
using Storages = std::map<std::string, Storage>;

void check_system(const PickleValue& protocol, const PickleValue& system, const std::string& source) {
  const auto* number = protocol.as<std::int64_t>();
  if (number == nullptr || *number != 1001) {
    throw damaged_error(source, "the protocol of its legacy stream is not 1001");
  }
  const auto* properties = system.as<PickleDict>();
  const auto* little_endian = properties != nullptr ? find(*properties, "little_endian") : nullptr;
  if (little_endian == nullptr || little_endian->as<bool>() == nullptr) {
    throw damaged_error(source, "its legacy stream does not give its byte order");
  }
  if (!*little_endian->as<bool>()) {
    throw data_error(source + " was written on a big-endian machine, which is not supported",
                     "load and save it again on a little-endian machine");
  }
}

// The storages in the pickles; all references to a storage must agree.
Storages described_storages(const PickleReader& pickles, const std::string& source) {
  Storages storages;
  for (const auto* reference : pickles.references()) {
    const auto id = storage_id(*reference, "a tensor", source);
    const auto& known = storages.emplace(id.key, Storage{id}).first->second.id;
    if (known.type != id.type || known.count != id.count) {
      throw damaged_error(source, "its pickle describes storage " + quoted_name(id.key) + " in two ways");
    }
  }
  return storages;
}

// The storages follow the pickles, from `offset` on, in the order of `keys`, each with its number of elements before
// it.
void find_storages(const PickleValue& keys, const FileBytes& bytes, std::uint64_t offset, Storages& storages) {
  const auto& source = bytes.name();
  const auto* list = keys.as<PickleList>();
  if (list == nullptr || list->items.size() != storages.size()) {
    throw damaged_error(source, "its list of storages does not match its pickle");
  }
  for (const auto* item : list->items) {
    const auto* key = item->as<std::string>();
    const auto found = key != nullptr ? storages.find(*key) : storages.end();
    if (found == storages.end() || found->second.offset != 0) {
      throw damaged_error(source, "its list of storages does not match its pickle");
    }
    auto& storage = found->second;
    constexpr std::size_t kCountSize = sizeof(std::uint64_t);
    if (bytes.size() - offset < kCountSize) {
      throw truncated_error(source, "storage " + quoted_name(*key) + " is missing");
    }
    if (load_little_endian<std::uint64_t>(bytes.read(offset, kCountSize), 0) != storage.id.count) {
      throw damaged_error(source, "storage " + quoted_name(*key) + " is not as large as its pickle says");
    }
    offset += kCountSize;
    if (bytes.size() - offset < storage.id.byte_count()) {
      throw truncated_error(source, "storage " + quoted_name(*key) + " is not complete");
    }
    storage.offset = offset;
    offset += storage.id.byte_count();
  }
  if (offset < bytes.size()) throw damaged_error(source, "bytes follow its last storage");
}

}  // namespace

ModelFile read_pt_legacy(const FileBytes& bytes) {
  const auto& source = bytes.name();
  // The end of the pickles is known only after reading them.
  const auto begin_size = std::min<std::uint64_t>(bytes.size(), kMaxPickleBytes);
  const auto begin = bytes.read(0, static_cast<std::size_t>(begin_size));
  PickleReader pickles(source, begin_size < bytes.size());
  auto offset = kLegacyMagic.size();
  const auto& protocol = pickles.read(begin, offset);
  const auto& system = pickles.read(begin, offset);
  check_system(protocol, system, source);
  const auto& root = pickles.read(begin, offset);
  const auto& keys = pickles.read(begin, offset);
  auto storages = described_storages(pickles, source);
  find_storages(keys, bytes, offset, storages);

  const auto find_storage = [&](const StorageId& id) { return storages.at(id.key).offset; };
  PickledTensorReader tensors(bytes, find_storage, usual_memory(bytes));
  auto model = read_pickled_model(root, pickles, tensors, source);
  return {std::move(model.state), std::nullopt, std::move(model.class_names), "PyTorch legacy stream",
          std::move(model.notes)};
}

}  // namespace mnist
