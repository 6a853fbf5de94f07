#include "open_data.hpp"

#include <utility>

#include <ATen/ops/bincount.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/sha256.hpp"
#include "mnist/core/text.hpp"
#include "mnist/data/digit_images.hpp"
#include "mnist/data/photos.hpp"
#include "mnist/report/progress.hpp"

#include "options.hpp"

namespace mnist::cli {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

void tell_broken(const std::vector<BrokenPhoto>& broken, const DataOptions& options, spdlog::logger& log) {
  if (broken.empty()) return;
  if (options.bad_images == "stop") {
    const std::size_t others = broken.size() - 1;
    const std::string more = others == 0   ? ""
                             : others == 1 ? ", and 1 more is broken"
                                           : fmt::format(", and {} more are broken", others);
    throw data_error(broken.front().reason + more,
                     "repair or remove it, or skip such images: --bad-images skip names each of them");
  }
  for (const BrokenPhoto& photo : broken) log.warn("skipped: {}", photo.reason);
}

void add_tensor(Sha256& hash, const torch::Tensor& tensor) {
  const torch::Tensor whole = tensor.contiguous();
  hash.update(whole.const_data_ptr(), whole.nbytes());
}

std::string fingerprint_of(const Dataset& dataset) {
  Sha256 hash;
  add_tensor(hash, dataset.images);
  add_tensor(hash, dataset.labels);
  return hash.hex();
}

std::vector<std::int64_t> counts_of(const torch::Tensor& labels, std::size_t classes) {
  const torch::Tensor counts = at::bincount(labels.cpu(), {}, static_cast<std::int64_t>(classes));
  const auto* const begin = counts.const_data_ptr<std::int64_t>();
  return {begin, begin + counts.numel()};
}

// Uses names and sizes: reading all photos again would take too long.
std::string fingerprint_of(const PhotoFolder& folder) {
  Sha256 hash;
  for (std::size_t i = 0; i < folder.paths.size(); ++i) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(folder.paths[i], ignored);
    hash.update(fmt::format("{}\n{} {}\n", folder.paths[i].lexically_relative(folder.dir).generic_string(), size,
                            folder.labels[i]));
  }
  return hash.hex();
}

OpenedData open_photos(PhotoFolder files, const DataOptions& options, const Opening& opening, spdlog::logger& log) {
  PhotoOptions photo_options{opening.augmentation.on,
                             opening.augmentation.seed,
                             options.cache_mb * kMiB,
                             opening.device,
                             opening.cuda,
                             [&log](const std::string& sentence) { log.warn("{}", sentence); },
                             options.stop_requested};
  if (opening.device.is_cpu()) {  // a GPU supports all of them
    photo_options.part = options.ranks->rank();
    photo_options.parts = options.ranks->size();
    photo_options.share_broken = [ranks = options.ranks](const torch::Tensor& broken) { ranks->sum(broken); };
  }
  auto photos = [&] {
    CountLine line(*options.status, "reading photos");
    photo_options.progress = [&line](std::int64_t done, std::int64_t all) { line.count(done, all); };
    return std::make_unique<PhotoBatches>(std::move(files), opening.preprocessing, photo_options);
  }();
  tell_broken(photos->broken(), options, log);
  const std::int64_t uncached = photos->not_kept();
  if (uncached > 0) {
    log.info("{} of {} photos do not fit into --cache-mb {} and are decoded again every epoch",
             with_thousands(uncached), with_thousands(photos->size()), options.cache_mb);
  }
  const PhotoFolder& kept = photos->folder();
  OpenedData data;
  data.class_names = kept.class_names;
  data.fingerprint = fingerprint_of(kept);
  data.paths = kept.paths;
  data.class_counts = counts_of(torch::tensor(kept.labels, torch::kInt64), kept.class_names.size());
  data.batches = std::move(photos);
  return data;
}

}  // namespace

std::vector<std::string> all_dataset_names() {
  std::vector<std::string> names = dataset_names();
  names.emplace_back(kFolder);
  return names;
}

std::string dataset_of(const LoadedModel& model) {
  const std::string& trained_on = model.recipe.training.dataset;
  const auto names = all_dataset_names();
  const bool known = std::ranges::find(names, trained_on) != names.end();
  return known ? trained_on : model.info->training.dataset;
}

CLI::Option* add_cache_mb(CLI::App& app, std::int64_t& value) {
  return integer(app.add_option("--cache-mb", value,
                                "memory for the decoded photos of each split, in MiB; photos that do not fit "
                                "are decoded again"),
                 0, 1'000'000);
}

CLI::Option* add_bad_images(CLI::App& app, std::string& value) {
  return one_of(app.add_option("--bad-images", value, "what to do with an unreadable photo"), {"stop", "skip"});
}

void warn_of_ignored(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& ignored,
                     spdlog::logger& log) {
  if (ignored.empty()) return;
  log.warn("{}: {} skipped (no .png, .jpg or .jpeg file, or a link to a folder): {}{}", quoted(folder),
           ignored.size() == 1 ? "1 entry is" : fmt::format("{} entries are", with_thousands(std::ssize(ignored))),
           quoted(ignored.front()), ignored.size() > 1 ? ", ..." : "");
}

OpenedData open_resident(Dataset dataset, const Opening& opening) {
  OpenedData data;
  data.class_names = dataset.class_names;
  data.fingerprint = fingerprint_of(dataset);
  data.class_counts = counts_of(dataset.labels, dataset.class_names.size());
  data.batches =
      std::make_unique<ResidentBatches>(to_device(std::move(dataset), opening.device), opening.preprocessing,
                                        RandomRotation{opening.augmentation.degrees, opening.augmentation.seed});
  return data;
}

void check_has_no_photos(const DataOptions& options, const Opening& opening) {
  if (opening.preprocessing.kind == Preprocessing::Kind::photo) {
    throw usage_error(fmt::format("the network needs photos, but the data set {} has none", options.dataset),
                      "use --dataset folder, with photos in DIR/train/<class>");
  }
}

OpenedData open_dataset(const DataOptions& options, Split split, const Opening& opening) {
  check_has_no_photos(options, opening);
  return open_resident(load_dataset(options.dataset, options.data_dir, split), opening);
}

OpenedData open_pictures(PhotoFolder files, const DataOptions& options, const Opening& opening, spdlog::logger& log) {
  if (opening.preprocessing.kind == Preprocessing::Kind::photo) {
    return open_photos(std::move(files), options, opening, log);
  }
  DigitImages pictures = [&] {
    CountLine line(*options.status, "reading pictures");
    return load_digit_images(files, opening.preprocessing, options.stop_requested,
                             [&line](std::int64_t done, std::int64_t all) { line.count(done, all); });
  }();
  tell_broken(pictures.broken, options, log);
  if (!pictures.with_several_digits.empty()) {
    log.warn(
        "{} of {} pictures show several digits, the first one is used (for photos, choose an --arch such as resnet18): "
        "{}{}",
        pictures.with_several_digits.size(), pictures.paths.size(), quoted(pictures.with_several_digits.front()),
        pictures.with_several_digits.size() > 1 ? ", ..." : "");
  }
  OpenedData data = open_resident(std::move(pictures.dataset), opening);
  // Hashes the files, because preprocessing may round differently on other processors or versions.
  data.fingerprint = fingerprint_of(files);
  data.paths = std::move(pictures.paths);
  return data;
}

}  // namespace mnist::cli
