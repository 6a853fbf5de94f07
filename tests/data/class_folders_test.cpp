// Listing pictures with their classes, and dividing them into training and validation pictures.
#include "mnist/data/class_folders.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/data/digit_images.hpp"
#include "mnist/data/prepare.hpp"
#include "mnist/format/image.hpp"

#include "support/hashed.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ClassFolders : public ::testing::Test {
 protected:
  // Its bytes depend only on `salt`.
  void add(const std::string& name, std::uint32_t salt) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    write_png(path, test::hashed_pixels({9, 9, 1}, salt));
  }

  // Classes a and b of 20 and 5 pictures.
  void add_two_classes() {
    for (std::uint32_t i = 0; i < 20; ++i) add("all/a/" + std::to_string(i) + ".png", i);
    for (std::uint32_t i = 0; i < 5; ++i) add("all/b/" + std::to_string(i) + ".png", 100 + i);
  }

  // The contents of the pictures of a part.
  static std::set<std::string> contents(const PhotoFolder& side) {
    std::set<std::string> found;
    for (const auto& path : side.paths) found.insert(test::content_of(path));
    return found;
  }

  template <class Work>
  static std::string error_of(ErrorKind kind, const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind);
      EXPECT_FALSE(error.hint().empty());
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }

  std::string error_of_list(const std::string& text) {
    test::write_file(folder_ / "list.csv", text);
    return error_of(ErrorKind::data, [&] { scan_all(folder_ / "list.csv"); });
  }

  test::TemporaryFolder folder_;
};

TEST_F(ClassFolders, PicturesOfBothPartsAreFound) {
  add_two_classes();
  for (std::uint32_t i = 0; i < 20; ++i) add("all/b/copy" + std::to_string(i) + ".png", i);  // contradict class a
  const DividedPictures divided = divide(scan_all(folder_ / "all"), {0.3, 1});
  const std::vector<SharedPicture> shared = shared_pictures(divided);
  EXPECT_FALSE(shared.empty());
  for (const SharedPicture& picture : shared) {
    EXPECT_EQ(test::content_of(picture.train), test::content_of(picture.val));
    EXPECT_EQ(std::ranges::count(divided.train.paths, picture.train), 1);
    EXPECT_EQ(std::ranges::count(divided.val.paths, picture.val), 1);
  }
  std::set<std::string> in_both = contents(divided.train);
  std::erase_if(in_both, [&](const std::string& content) { return !contents(divided.val).contains(content); });
  EXPECT_EQ(shared.size(), in_both.size());

  add("split/train/a/1.png", 1);
  add("split/train/b/2.png", 2);
  add("split/val/a/3.png", 3);
  add("split/val/b/4.png", 4);
  const auto of_split = [&] {
    return shared_pictures(
        {scan_photo_folder(folder_ / "split", Split::train), scan_photo_folder(folder_ / "split", Split::test)});
  };
  EXPECT_TRUE(of_split().empty());
  add("split/val/b/other.png", 1);
  ASSERT_EQ(of_split().size(), 1U);
  EXPECT_EQ(of_split().front().train.filename(), "1.png");
  EXPECT_EQ(of_split().front().val.filename(), "other.png");
}

TEST_F(ClassFolders, AShareOfEachClassIsKept) {
  add_two_classes();
  const DividedPictures sides = divide(scan_all(folder_ / "all"), {0.2, 1});
  EXPECT_EQ(std::ranges::count(sides.val.labels, 0), 4);
  EXPECT_EQ(std::ranges::count(sides.val.labels, 1), 1);
  EXPECT_EQ(std::ranges::count(sides.train.labels, 0), 16);
  EXPECT_EQ(std::ranges::count(sides.train.labels, 1), 4);
  EXPECT_THAT(sides.val.class_names, ElementsAre("a", "b"));
  std::set<std::string> all = contents(sides.train);
  all.merge(contents(sides.val));
  EXPECT_EQ(all.size(), 25u) << "each picture is on one side";
  // Even with a very small share there is a validation picture, and with a very large one a training picture.
  EXPECT_EQ(divide(scan_all(folder_ / "all"), {0.01, 1}).val.paths.size(), 2u);
  EXPECT_EQ(divide(scan_all(folder_ / "all"), {0.99, 1}).train.paths.size(), 2u);
}

TEST_F(ClassFolders, PicturesStayOnTheirSideWhenTheyAreRenamedAndMoved) {
  add_two_classes();
  const DividedPictures before = divide(scan_all(folder_ / "all"), {0.3, 7});
  const std::set<std::string> kept = contents(before.val);
  std::filesystem::create_directories(folder_ / "all/a/deep");
  for (int i = 0; i < 20; i += 3) {
    std::filesystem::rename(folder_ / ("all/a/" + std::to_string(i) + ".png"),
                            folder_ / ("all/a/deep/x" + std::to_string(20 - i) + ".png"));
  }
  std::filesystem::rename(folder_ / "all", folder_ / "elsewhere");
  const DividedPictures after = divide(scan_all(folder_ / "elsewhere"), {0.3, 7});
  EXPECT_EQ(contents(after.val), kept);
  EXPECT_NE(contents(divide(scan_all(folder_ / "elsewhere"), {0.3, 8}).val), kept) << "another seed, another side";
}

TEST_F(ClassFolders, CopiesOfAPictureAreOnOneSide) {
  add_two_classes();
  for (std::uint32_t i = 0; i < 20; ++i) add("all/a/copy" + std::to_string(i) + ".png", i);
  const DividedPictures sides = divide(scan_all(folder_ / "all"), {0.25, 1});
  std::vector<std::string> both;
  std::ranges::set_intersection(contents(sides.train), contents(sides.val), std::back_inserter(both));
  EXPECT_TRUE(both.empty());
  EXPECT_EQ(std::ranges::count(sides.val.labels, 0), 10);
}

TEST_F(ClassFolders, AClassThatCannotBeDividedIsNamed) {
  add_two_classes();
  add("all/c/1.png", 200);
  add("all/c/2.png", 200);
  const PhotoFolder all = scan_all(folder_ / "all");
  EXPECT_THAT(error_of(ErrorKind::data, [&] { divide(all, {0.2, 1}); }), HasSubstr("the class 'c'"));
  EXPECT_THROW(divide(all, {0.2, 1}, [] { return true; }), Stopped);
}

TEST_F(ClassFolders, PicturesInTheFolderOfNoClassAreStrays) {
  add_two_classes();
  add("all/stray.png", 1);
  test::write_file(folder_ / "all/notes.txt", "x");
  const PhotoFolder all = scan_all(folder_ / "all");
  EXPECT_EQ(all.paths.size(), 25u);
  EXPECT_THAT(all.strays, ElementsAre(folder_ / "all/stray.png"));
  EXPECT_FALSE(has_split_folders(folder_ / "all"));
  std::filesystem::create_directories(folder_ / "all/val");
  EXPECT_TRUE(has_split_folders(folder_ / "all"));
}

TEST_F(ClassFolders, AListNamesPicturesAndTheirClasses) {
  for (const char* name : {"x/1.png", "x/2, b.png", "3.png"}) add(name, 1);
  test::write_file(folder_ / "list.csv",
                   "\xef\xbb\xbf"
                   "note,label,path\r\n\r\nn,zwei,x/1.png\r\n\"a \"\"b\"\"\n,c\",eins,\"x/2, b.png\"\r\n,eins,3.png");
  const PhotoFolder listed = scan_all(folder_ / "list.csv");
  EXPECT_THAT(listed.class_names, ElementsAre("eins", "zwei"));
  EXPECT_THAT(listed.paths, ElementsAre(folder_ / "3.png", folder_ / "x/2, b.png", folder_ / "x/1.png"));
  EXPECT_THAT(listed.labels, ElementsAre(0, 0, 1));
}

TEST_F(ClassFolders, AListThatMakesNoSenseIsRefusedByItsLine) {
  add("1.png", 1);
  EXPECT_THAT(error_of_list("file,label\n"), HasSubstr("line 1 of"));
  EXPECT_THAT(error_of_list("path,label\n1.png,a\n\n1.png\n"), HasSubstr("line 4 of"));
  EXPECT_THAT(error_of_list("path,label\n1.png,a\n2.png,b\n"), HasSubstr("2.png', which does not exist"));
  EXPECT_THAT(error_of_list("file,class\n1.png,a\n2.png,b\n"),
              HasSubstr("has no column 'path'; its columns: 'file', 'class'"));
  EXPECT_THAT(error_of_list("path,label\n1.png,\n"), HasSubstr("names no class"));
  EXPECT_THAT(error_of_list("path,label\n1.png,a\n./1.png,b\n"), HasSubstr("as 'a' in line 2 and as 'b' in line 3"));
  EXPECT_THAT(error_of_list("path,label\n,a\n"), HasSubstr("names no picture"));
  EXPECT_THAT(error_of_list("path,label\n1.png,caf\xe9\n"), HasSubstr("not UTF-8"));
  EXPECT_THAT(error_of_list("path,label\n1.png,a\n"), HasSubstr("a single class"));
  EXPECT_THAT(error_of_list("path,label\n1.png,\"a\n"), HasSubstr("has a quote that is not closed"));
}

TEST_F(ClassFolders, DigitImagesArePreparedAsInferPreparesThem) {
  const Preprocessing digit{Preprocessing::Kind::digit, 1, 28, 28, 0, {0.1307}, {0.3081}};
  at::Tensor picture = at::full({50, 40, 1}, 240, at::kByte);
  picture.slice(0, 10, 40).slice(1, 18, 22).fill_(20);  // a dark line on light paper
  std::filesystem::create_directories(folder_ / "all/bar");
  write_png(folder_ / "all/bar/1.png", picture);
  add("all/dots/1.png", 3);
  test::write_file(folder_ / "all/dots/2.png", "no picture");
  const DigitImages small = load_digit_images(scan_all(folder_ / "all"), digit);
  ASSERT_EQ(small.dataset.size(), 2);
  EXPECT_TRUE(at::equal(small.dataset.images[0], prepare_image(picture, digit, Invert::automatic)));
  EXPECT_GT(small.dataset.images[0][0][14][14].item<int>(), 200) << "light on dark";
  EXPECT_THAT(small.dataset.class_names, ElementsAre("bar", "dots"));
  EXPECT_TRUE(at::equal(small.dataset.labels, at::arange(2)));
  EXPECT_THAT(small.paths, ElementsAre(folder_ / "all/bar/1.png", folder_ / "all/dots/1.png"));
  ASSERT_EQ(small.broken.size(), 1u);
  EXPECT_THAT(small.broken[0].reason, HasSubstr("2.png"));

  std::filesystem::remove(folder_ / "all/dots/1.png");
  EXPECT_THAT(error_of(ErrorKind::data, [&] { load_digit_images(scan_all(folder_ / "all"), digit); }),
              HasSubstr("no image of the class 'dots'"));
}

}  // namespace
}  // namespace mnist
