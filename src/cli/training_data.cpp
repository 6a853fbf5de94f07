#include "training_data.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "mnist/core/error.hpp"
#include "mnist/core/text.hpp"

#include "find_pictures.hpp"

namespace mnist::cli {
namespace {

// The training images of a data set of the table, and those that --calibrate holds back.
HeldBack held_back(const DataOptions& options, const Opening& opening) {
  check_has_no_photos(options, opening);
  const Dataset all = load_dataset(options.dataset, options.data_dir, Split::train);
  const std::int64_t kept = options.calibrate.value();
  if (kept >= all.size()) {
    throw usage_error(
        fmt::format("--calibrate {} uses all of the {} training images", kept, with_thousands(all.size())),
        "give a smaller number, such as 2000");
  }
  return hold_back(all, kept, options.split_seed);
}

}  // namespace

void tell_similar_names(const OpenedData& data, spdlog::logger& log) {
  std::map<std::string, std::string> seen;
  for (const std::string& name : data.class_names) {
    const auto [other, is_new] = seen.emplace(lower_case(name), name);
    if (is_new) continue;
    log.warn("the classes {} and {} differ only in upper and lower case", quoted_name(other->second),
             quoted_name(name));
    return;
  }
}

void tell_uneven(const OpenedData& data, spdlog::logger& log) {
  const auto [least, most] = std::ranges::minmax_element(data.class_counts);
  if (*most <= 2 * *least) return;
  const auto name = [&](const auto& count) {
    return printable(data.class_names[static_cast<std::size_t>(count - data.class_counts.begin())]);
  };
  log.warn("the classes are unbalanced: {} training pictures of {}, {} of {}; consider --class-weights balanced", *most,
           name(most), *least, name(least));
}

std::vector<double> balanced_weights(const std::vector<std::int64_t>& class_counts) {
  const auto items = static_cast<double>(std::accumulate(class_counts.begin(), class_counts.end(), std::int64_t{0}));
  std::vector<double> weights;
  for (const std::int64_t count : class_counts) {
    const double even = items / static_cast<double>(class_counts.size());
    weights.push_back(count == 0 ? 0 : even / static_cast<double>(count));
  }
  return weights;
}

TrainingData open_training_data(const DataOptions& options, const Augmentation& augmentation,
                                const Preprocessing& preprocessing, const TrainingOptions& training,
                                spdlog::logger& log) {
  const bool photos = preprocessing.kind == Preprocessing::Kind::photo;
  TrainingData data;
  const Opening to_train{preprocessing, augmentation, training.compute.device, training.compute.cuda};
  const Opening to_test{preprocessing, {}, training.compute.device, training.compute.cuda};
  if (options.dataset == kFolder) {
    DividedPictures files = find_training_pictures(options, log);
    data.train = open_pictures(std::move(files.train), options, to_train, log);
    data.test = open_pictures(std::move(files.val), options, to_test, log);
  } else {
    if (options.val_split > 0) check_val_split(options.val_split, options);
    if (options.calibrate.value_or(0) > 0) {
      HeldBack parts = held_back(options, to_train);
      data.train = open_resident(std::move(parts.rest), to_train);
      data.held_back = open_resident(std::move(parts.kept), to_test);
    } else {
      data.train = open_dataset(options, Split::train, to_train);
    }
    data.test = open_dataset(options, Split::test, to_test);
  }
  data.augmented = photos ? augmentation.on : augmentation.degrees != 0;
  return data;
}

void freeze_body(TrainingData& data, Network& network, const ModelInfo& info, const TrainingOptions& training) {
  freeze_all_but(network, info.head_layer());
  data.train_features = std::make_unique<FrozenFeatures>(network, *data.train.batches,
                                                         FrozenFeaturesOptions{!data.augmented, training.compute});
  data.test_features =
      std::make_unique<FrozenFeatures>(network, *data.test.batches, FrozenFeaturesOptions{true, training.compute});
}

void share_features(TrainingData& data, const TrainingOptions& training, const std::function<bool()>& stop_requested) {
  if (training.ranks->size() == 1 || training.limit_batches > 0 || !data.test_features) return;
  if (!data.augmented) data.train_features->compute_together(*training.ranks, stop_requested);
  data.test_features->compute_together(*training.ranks, stop_requested);
}

}  // namespace mnist::cli
