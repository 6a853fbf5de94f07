#include "training_data.hpp"

#include "mnist/core/error.hpp"
#include "mnist/data/photos.hpp"

namespace mnist::cli {

TrainingData open_training_data(const DataOptions& options, const Augmentation& augmentation, const ModelInfo& info,
                                const TrainingOptions& training, spdlog::logger& log) {
  const bool photos = options.dataset == kFolder;
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
