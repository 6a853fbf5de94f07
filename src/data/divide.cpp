#include <algorithm>
#include <atomic>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/sha256.hpp"
#include "mnist/data/class_folders.hpp"

namespace mnist {
namespace {

// The key that decides whether a picture is for training or validation.
std::string split_key(const std::filesystem::path& path, std::uint64_t seed) {
  Sha256 hash;
  hash.update(fmt::format("{}\n", seed));
  try {
    InputFile file(path, "image");
    std::vector<char> bytes(std::size_t{1} << 16);
    for (std::size_t count = 0; (count = file.read(bytes.data(), bytes.size())) > 0;) hash.update(bytes.data(), count);
  } catch (const Error&) {
    hash.update(path.filename().string());  // unreadable: decoding it later reports the reason
  }
  return hash.hex();
}

std::vector<std::string> split_keys(const PhotoFolder& all, std::uint64_t seed,
                                    const std::function<bool()>& stop_requested, const ReadProgress& progress) {
  std::vector<std::string> keys(all.paths.size());
  std::atomic<bool> stopped = false;
  std::atomic<std::int64_t> done = 0;
  at::parallel_for(0, static_cast<std::int64_t>(keys.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto item = static_cast<std::size_t>(begin); item < static_cast<std::size_t>(end) && !stopped; ++item) {
      if (stop_requested()) {
        stopped = true;
        return;
      }
      keys[item] = split_key(all.paths[item], seed);
      progress(++done, static_cast<std::int64_t>(keys.size()));
    }
  });
  if (stopped) throw Stopped();
  return keys;
}

// Items by key; items with the same bytes have the same key.
using Groups = std::map<std::string, std::vector<std::size_t>>;

// Selects the validation pictures of a class.
void select_validation(const Groups& groups, double share, std::vector<bool>& is_validation) {
  std::size_t items = 0;
  for (const auto& [key, group] : groups) items += group.size();
  const auto target_count =
      std::max<std::size_t>(1, static_cast<std::size_t>(std::llround(share * static_cast<double>(items))));
  std::size_t count = 0;
  // Never selects the last group: some pictures must remain for training.
  for (auto group = groups.begin(); std::next(group) != groups.end() && count < target_count; ++group) {
    for (const std::size_t item : group->second) is_validation[item] = true;
    count += group->second.size();
  }
}

}  // namespace

DividedPictures divide(const PhotoFolder& all, const Division& division, const std::function<bool()>& stop_requested,
                       const ReadProgress& progress) {
  const std::vector<std::string> keys = split_keys(all, division.seed, stop_requested, progress);
  std::vector<Groups> classes(all.class_names.size());
  for (std::size_t item = 0; item < keys.size(); ++item) {
    classes[static_cast<std::size_t>(all.labels[item])][keys[item]].push_back(item);
  }
  std::vector<bool> is_validation(keys.size());
  for (std::size_t label = 0; label < classes.size(); ++label) {
    if (classes[label].size() < 2) {
      throw data_error(fmt::format("the class {} in {} has a single picture (copies not counted), which cannot be "
                                   "divided into training and validation",
                                   quoted(std::filesystem::path(all.class_names[label])), quoted(all.dir)),
                       "add pictures, or remove the class");
    }
    select_validation(classes[label], division.share, is_validation);
  }
  DividedPictures sides{all, all};
  for (PhotoFolder* side : {&sides.train, &sides.val}) {
    side->paths.clear();
    side->labels.clear();
  }
  sides.val.ignored.clear();  // reported once, for `train`
  sides.val.strays.clear();
  for (std::size_t item = 0; item < keys.size(); ++item) {
    PhotoFolder& side = is_validation[item] ? sides.val : sides.train;
    side.paths.push_back(all.paths[item]);
    side.labels.push_back(all.labels[item]);
  }
  return sides;
}

std::vector<SharedPicture> shared_pictures(const DividedPictures& sides, const std::function<bool()>& stop_requested) {
  const auto size_of = [](const std::filesystem::path& path) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    return error ? std::nullopt : std::optional(size);
  };
  // Only files of a size that is on both sides are read, each once. An unreadable one is reported when it is decoded.
  const auto hash_of = [&](const std::filesystem::path& path) -> std::optional<std::string> {
    if (stop_requested()) throw Stopped();
    try {
      return file_sha256(path, "image");
    } catch (const Error&) {
      return std::nullopt;
    }
  };
  std::unordered_set<std::uintmax_t> val_sizes;
  for (const std::filesystem::path& path : sides.val.paths) {
    if (const auto size = size_of(path)) val_sizes.insert(*size);
  }
  std::unordered_set<std::uintmax_t> both_sizes;
  std::unordered_map<std::string, std::filesystem::path> train_hashes;
  for (const std::filesystem::path& path : sides.train.paths) {
    const auto size = size_of(path);
    if (!size || !val_sizes.contains(*size)) continue;
    both_sizes.insert(*size);
    if (const auto hash = hash_of(path)) train_hashes.try_emplace(*hash, path);
  }
  std::vector<SharedPicture> shared;
  for (const std::filesystem::path& path : sides.val.paths) {
    const auto size = size_of(path);
    if (!size || !both_sizes.contains(*size)) continue;
    const auto hash = hash_of(path);
    if (!hash) continue;
    if (const auto other = train_hashes.find(*hash); other != train_hashes.end())
      shared.push_back({other->second, path});
  }
  return shared;
}

}  // namespace mnist
