#include "pt_legacy.hpp"

#include <cstddef>
#include <cstdint>
#include <map>

#include "mnist/core/text.hpp"

#include "bytes.hpp"
#include "file_errors.hpp"
#include "pickle_reader.hpp"
#include "pickled_tensors.hpp"

namespace mnist {
namespace {

struct Storage {
  StorageId id;
  std::string_view bytes;
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
    throw damaged_error(source, "its legacy stream does not say in which order its bytes are");
  }
  if (!*little_endian->as<bool>()) {
    throw data_error(source + " was written on a big-endian machine, which is not read",
                     "load and save it again on a little-endian machine");
  }
}

// What the pickles say of each storage; all references to one must say the same.
Storages described_storages(const PickleReader& pickles, const std::string& source) {
  Storages storages;
  for (const auto* reference : pickles.references()) {
    const auto id = storage_id(*reference, source);
    const auto& known = storages.emplace(id.key, Storage{id, {}}).first->second.id;
    if (known.type != id.type || known.count != id.count) {
      throw damaged_error(source, "its pickle describes storage " + quoted_name(id.key) + " in two ways");
    }
  }
  return storages;
}

// The storages follow the pickles in the order of `keys`, each with its number of elements before it.
void find_storages(const PickleValue& keys, std::string_view bytes, Storages& storages, const std::string& source) {
  const auto* list = keys.as<PickleList>();
  if (list == nullptr || list->items.size() != storages.size()) {
    throw damaged_error(source, "its list of storages does not match its pickle");
  }
  for (const auto* item : list->items) {
    const auto* key = item->as<std::string>();
    const auto found = key != nullptr ? storages.find(*key) : storages.end();
    if (found == storages.end() || found->second.bytes.data() != nullptr) {
      throw damaged_error(source, "its list of storages does not match its pickle");
    }
    auto& [id, content] = found->second;
    if (bytes.size() < sizeof(std::uint64_t))
      throw truncated_error(source, "storage " + quoted_name(*key) + " is missing");
    if (load_little_endian<std::uint64_t>(bytes, 0) != id.count) {
      throw damaged_error(source, "storage " + quoted_name(*key) + " is not as large as its pickle says");
    }
    bytes.remove_prefix(sizeof(std::uint64_t));
    if (bytes.size() < id.byte_count())
      throw truncated_error(source, "storage " + quoted_name(*key) + " is not complete");
    content = bytes.substr(0, id.byte_count());
    bytes.remove_prefix(id.byte_count());
  }
  if (!bytes.empty()) throw damaged_error(source, "bytes follow its last storage");
}

}  // namespace

ModelFile read_pt_legacy(std::string_view bytes, const std::string& source) {
  PickleReader pickles(source);
  auto offset = kLegacyMagic.size();
  const auto& protocol = pickles.read(bytes, offset);
  const auto& system = pickles.read(bytes, offset);
  check_system(protocol, system, source);
  const auto& root = pickles.read(bytes, offset);
  const auto& keys = pickles.read(bytes, offset);
  auto storages = described_storages(pickles, source);
  find_storages(keys, bytes.substr(offset), storages, source);

  const auto find_storage = [&](const StorageId& id) { return storages.at(id.key).bytes; };
  PickledTensorReader tensors(find_storage, source, bytes.size());
  auto model = read_pickled_model(root, tensors, source);
  return {std::move(model.state), std::nullopt, std::move(model.class_names), "PyTorch legacy stream"};
}

}  // namespace mnist
