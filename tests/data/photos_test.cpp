// Folders of photos: listed files, broken files, and batches.
#include "mnist/data/photos.hpp"

#include <atomic>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/format/image.hpp"

#include "support/hashed.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using ::testing::HasSubstr;

const Preprocessing kSmallPhoto{Preprocessing::Kind::photo, 3, 32, 32, 40, {0.485, 0.456, 0.406},
                                {0.229, 0.224, 0.225}};

class Photos : public ::testing::Test {
 protected:
  void add(const std::string& name, std::uint32_t salt = 1) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    write_png(path, test::hashed_pixels({48, 60, 3}, salt));
  }

  void add_two_classes() {
    for (const char* split : {"train", "val"}) {
      for (const char* name : {"/bees/b1.png", "/bees/b0.png", "/ants/deep/a1.png", "/ants/a2.png"}) {
        add(std::string(split) + name, static_cast<std::uint32_t>(std::string(name).size()));
      }
    }
  }

  std::string error_of_scan(Split split = Split::train) {
    try {
      scan_photo_folder(folder_.path(), split);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_FALSE(error.hint().empty());
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }

  test::TemporaryFolder folder_;
};

TEST_F(Photos, AreFoundAsByImageFolder) {
  add_two_classes();
  test::write_file(folder_ / "train/ants/notes.txt", "x");
  test::write_file(folder_ / "train/ants/.hidden.png", "x");
  std::filesystem::create_directory_symlink("..", folder_ / "train/ants/up");
  const PhotoFolder photos = scan_photo_folder(folder_.path(), Split::train);
  EXPECT_EQ(photos.class_names, (std::vector<std::string>{"ants", "bees"}));
  std::vector<std::string> names;
  names.reserve(photos.paths.size());
  for (const auto& path : photos.paths) names.push_back(path.lexically_relative(photos.dir).string());
  EXPECT_EQ(names, (std::vector<std::string>{"ants/a2.png", "ants/deep/a1.png", "bees/b0.png", "bees/b1.png"}));
  EXPECT_EQ(photos.labels, (std::vector<std::int64_t>{0, 0, 1, 1}));
  ASSERT_EQ(photos.ignored.size(), 2u);
  EXPECT_EQ(photos.ignored[0].filename(), "notes.txt");
  EXPECT_EQ(photos.ignored[1].filename(), "up");
}

TEST_F(Photos, FoldersThatMakeNoDataSetAreErrors) {
  EXPECT_THAT(error_of_scan(), HasSubstr("/train'"));
  add("train/ants/a.png");
  EXPECT_THAT(error_of_scan(), HasSubstr("a single class"));
  std::filesystem::create_directories(folder_ / "train/bees");
  EXPECT_THAT(error_of_scan(), HasSubstr("bees' holds no PNG or JPEG file"));
  EXPECT_THAT(error_of_scan(Split::test), HasSubstr("/val'"));
  add("train/bees/b.png");
  std::filesystem::create_directories(folder_ / "train/caf\xe9");  // Latin-1
  EXPECT_THAT(error_of_scan(), HasSubstr("is not UTF-8"));
}

TEST_F(Photos, DifferentClassesAreNamed) {
  add_two_classes();
  add("val/wasps/w.png");
  try {
    check_same_classes(scan_photo_folder(folder_.path(), Split::train), scan_photo_folder(folder_.path(), Split::test));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("wasps"));
  }
}

TEST_F(Photos, BrokenOnesAreLeftOutAndNamed) {
  add_two_classes();
  test::write_file(folder_ / "train/bees/b0.png", "no picture");
  const PhotoBatches photos(scan_photo_folder(folder_.path(), Split::train), kSmallPhoto, {});
  EXPECT_EQ(photos.size(), 3);
  ASSERT_EQ(photos.broken().size(), 1u);
  EXPECT_THAT(photos.broken()[0].reason, HasSubstr("b0.png"));
  EXPECT_EQ(photos.folder().labels, (std::vector<std::int64_t>{0, 0, 1}));
}

TEST_F(Photos, AClassOfBrokenOnesIsAnError) {
  add_two_classes();
  test::write_file(folder_ / "train/bees/b0.png", "no picture");
  test::write_file(folder_ / "train/bees/b1.png", "no picture");
  EXPECT_THROW(PhotoBatches(scan_photo_folder(folder_.path(), Split::train), kSmallPhoto, {}), Error);
}

TEST_F(Photos, AreNoLongerDecodedWhenAStopIsRequested) {
  add_two_classes();
  std::atomic<int> asked = 0;
  PhotoOptions options;
  options.stop_requested = [&] { return ++asked >= 2; };
  EXPECT_THROW(PhotoBatches(scan_photo_folder(folder_.path(), Split::train), kSmallPhoto, options), Stopped);
  EXPECT_LE(asked, 1 + at::get_num_threads()) << "a thread asks once more at most";
}

TEST_F(Photos, ComeTheSameWithAndWithoutMemoryToKeepThem) {
  add_two_classes();
  for (const bool augment : {false, true}) {
    const PhotoFolder folder = scan_photo_folder(folder_.path(), Split::train);
    PhotoBatches kept(folder, kSmallPhoto, {augment, 3, 1 << 30});
    PhotoBatches decoded(folder, kSmallPhoto, {augment, 3, 0});
    EXPECT_EQ(kept.not_kept(), 0);
    EXPECT_EQ(decoded.not_kept(), 4);
    const torch::Tensor order = at::tensor({2, 0, 3, 1}, at::kLong);
    kept.start(order, 2);
    decoded.start(order, 2);
    const Batch one = kept.get(1, 4);
    const Batch other = decoded.get(1, 4);
    EXPECT_EQ(one.inputs.sizes(), at::IntArrayRef({3, 3, 32, 32}));
    EXPECT_TRUE(at::equal(one.inputs, other.inputs));
    EXPECT_TRUE(at::equal(one.targets, at::tensor({0, 1, 0}, at::kLong)));
  }
}

TEST_F(Photos, AreTheSameIfAProcessLoadsAPart) {
  add_two_classes();
  add("train/bees/b2.png", 9);
  test::write_file(folder_ / "train/bees/b3.png", "no picture");  // number 5, of part 1
  const PhotoFolder folder = scan_photo_folder(folder_.path(), Split::train);
  PhotoBatches whole(folder, kSmallPhoto, {true, 3, 1 << 30});
  for (const std::int64_t cache : {std::int64_t{0}, std::int64_t{1} << 30}) {
    PhotoOptions options{true, 3, cache};
    options.parts = 2;
    options.share_broken = [&](const torch::Tensor& broken) {
      EXPECT_EQ(broken.sum().item<std::int64_t>(), 0) << "those of part 0 are good";
      broken.select(0, 5).fill_(1);
    };
    PhotoBatches part(folder, kSmallPhoto, options);
    EXPECT_EQ(part.not_kept(), cache == 0 ? 3 : 0);
    ASSERT_EQ(part.broken().size(), 1U);
    EXPECT_EQ(part.broken()[0].path, whole.broken()[0].path);
    EXPECT_EQ(part.broken()[0].reason, whole.broken()[0].reason);
    const torch::Tensor order = at::tensor({2, 0, 4, 3, 1}, at::kLong);
    for (const std::int64_t epoch : {1, 2}) {  // decoded, then kept
      whole.start(order, epoch);
      part.start(order, epoch);
      EXPECT_TRUE(at::equal(part.get(0, 5).inputs, whole.get(0, 5).inputs));
      EXPECT_TRUE(at::equal(part.get(0, 5).targets, whole.get(0, 5).targets));
    }
  }
}

TEST_F(Photos, OfAnotherProcessThatCannotBeReadThereAreOmittedEverywhere) {
  add_two_classes();
  PhotoOptions options;
  options.parts = 2;
  options.share_broken = [](const torch::Tensor& broken) { broken.select(0, 3).fill_(1); };
  const PhotoBatches photos(scan_photo_folder(folder_.path(), Split::train), kSmallPhoto, options);
  EXPECT_EQ(photos.size(), 3);
  ASSERT_EQ(photos.broken().size(), 1U);
  EXPECT_THAT(photos.broken()[0].reason, HasSubstr("another process cannot read"));
}

TEST_F(Photos, AreTheSameHoweverManyAreMadeAtOnce) {
  add_two_classes();
  PhotoBatches photos(scan_photo_folder(folder_.path(), Split::train), kSmallPhoto, {true, 3, 1 << 30});
  const torch::Tensor order = at::tensor({2, 0, 3, 1}, at::kLong);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);  // two photos at once
  photos.start(order, 1);
  const Batch all = photos.get(0, 4);
  photos.start(order, 1);
  for (const auto& [begin, end] :
       {std::pair{0, 1}, std::pair{1, 2}, std::pair{2, 4}, std::pair{1, 3}, std::pair{0, 1}}) {
    const Batch batch = photos.get(begin, end);
    EXPECT_TRUE(at::equal(batch.inputs, all.inputs.slice(0, begin, end))) << begin;
    EXPECT_TRUE(at::equal(batch.targets, all.targets.slice(0, begin, end))) << begin;
  }
  photos.start(order, 2);
  photos.get(0, 1);
  EXPECT_FALSE(at::equal(photos.get(0, 4).inputs, all.inputs)) << "of the epoch before";
  photos.start(order, 1);
  photos.get(0, 1);
  EXPECT_TRUE(at::equal(photos.get(0, 4).inputs, all.inputs));
  at::set_num_threads(threads);
}

TEST_F(Photos, WholeBatchesAreMadeReadyForEveryThread) {
  add_two_classes();
  PhotoBatches photos(scan_photo_folder(folder_.path(), Split::train), kSmallPhoto, {true, 3, 0});
  const int threads = at::get_num_threads();
  at::set_num_threads(2);
  photos.start(at::arange(4), 1);
  photos.get(0, 2);
  std::filesystem::remove_all(folder_ / "train");
  EXPECT_NO_THROW(photos.get(2, 4)) << "two a thread";
  photos.start(at::arange(4), 2);
  EXPECT_THROW(photos.get(0, 2), Error);
  at::set_num_threads(threads);
}

TEST_F(Photos, AugmentedOnesChangeWithTheEpochAndNotWithTheOrder) {
  add_two_classes();
  PhotoBatches photos(scan_photo_folder(folder_.path(), Split::train), kSmallPhoto, {true, 3, 1 << 30});
  photos.start(at::arange(4), 1);
  const torch::Tensor first = photos.get(0, 4).inputs;
  photos.start(at::tensor({3, 2, 1, 0}, at::kLong), 1);
  EXPECT_TRUE(at::equal(photos.get(0, 4).inputs.flip(0), first));
  photos.start(at::arange(4), 2);
  EXPECT_FALSE(at::equal(photos.get(0, 4).inputs, first));
}

}  // namespace
}  // namespace mnist
