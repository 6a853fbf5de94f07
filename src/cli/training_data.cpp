#include "training_data.hpp"

#include "mnist/core/error.hpp"
#include "mnist/data/photos.hpp"

namespace mnist::cli {

TrainingData open_training_data(const DataOptions& options, const Augmentation& augmentation, const ModelInfo& info,
                                const TrainingOptions& training, spdlog::logger& log) {
  const bool photos = options.dataset == kFolder;
  if (photos && augmentation.degrees != 0) {
    throw usage_error("--rotate turns digits, and the data set is one of photos",
                      "omit it; --augment on crops and flips photos");
  }
  if (photos) {
    // The names alone, before minutes of decoding.
    check_same_classes(scan_photo_folder(options.data_dir, Split::train),
                       scan_photo_folder(options.data_dir, Split::test));
  }
  TrainingData data;
  data.train = open_data(options, Split::train, info.preprocessing, augmentation, training.compute.device, log,
                         training.compute.cuda);
  data.test =
      open_data(options, Split::test, info.preprocessing, {}, training.compute.device, log, training.compute.cuda);
  data.augmented = photos ? augmentation.on : augmentation.degrees != 0;
  return data;
}

void freeze_body(TrainingData& data, Network& network, const ModelInfo& info, const TrainingOptions& training,
                 const std::function<bool()>& stop_requested) {
  freeze_all_but(network, info.head_layer());
  const auto features_of = [&](Batches& images, bool constant) {
    FrozenFeaturesOptions options{.constant = constant, .compute = training.compute};
    // Of a few batches only, each computes what it needs.
    if (training.limit_batches == 0) options.ranks = training.ranks;
    options.stop_requested = stop_requested;
    return std::make_unique<FrozenFeatures>(network, images, options);
  };
  data.train_features = features_of(*data.train.batches, !data.augmented);
  data.test_features = features_of(*data.test.batches, true);
}

}  // namespace mnist::cli
