#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <vector>

#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "mnist/data/batch.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"

#include "infer_folder.hpp"
#include "support/memory_limit.hpp"
#include "support/picture_files.hpp"
#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto place = text.find(part); place != std::string::npos; place = text.find(part, place + 1)) ++count;
  return count;
}

TEST_F(InferTest, PrintsThePredictionOfOneImage) {
  const auto outcome = infer({"--image", "images/03.png"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto lines = lines_of(outcome.out);
  ASSERT_THAT(lines, ElementsAre("Prediction: " + expected_[3], ::testing::StartsWith("Probability: ")));
  EXPECT_NEAR(std::stod(lines[1].substr(13)), probability_[3], 1e-4);
  EXPECT_EQ(outcome.err, "");
}

TEST_F(InferTest, PrintsALineForEachOfManyImages) {
  const auto outcome = infer({"--image", "images/03.png", "--image", "images/more/07.png", "images/01.png"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto lines = lines_of(outcome.out);
  ASSERT_THAT(lines, SizeIs(3));
  const auto fields = fields_of(lines[1], '\t');
  EXPECT_THAT(fields, ElementsAre("images/more/07.png", expected_[7], SizeIs(6)));
  EXPECT_NEAR(std::stod(fields[2]), probability_[7], 1e-4);
  EXPECT_THAT(lines[0], HasSubstr("images/03.png\t" + expected_[3]));
  EXPECT_THAT(lines[2], HasSubstr("images/01.png\t" + expected_[1]));
}

TEST_F(InferTest, TakesFoldersInOrderAndInBatches) {
  const auto outcome = infer({"images", "--batch-size", "5"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto lines = lines_of(outcome.out);
  ASSERT_THAT(lines, SizeIs(kItems));
  for (std::size_t item = 0; item < lines.size(); ++item) {
    EXPECT_THAT(lines[item],
                HasSubstr(image(static_cast<std::int64_t>(item)).filename().string() + "\t" + expected_[item]));
  }
}

TEST_F(InferTest, ClassifiesATestItemAndSavesIt) {
  const auto outcome = infer({"--test-item", "4", "--data-dir", "data", "--save-image", "saved.png"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, fmt::format("Label: 4, Prediction: {}\nProbability: {:.4f}\n", expected_[4], probability_[4]));
  EXPECT_TRUE(read_image(*folder_ / "saved.png").equal(read_image(image(4))));
  EXPECT_EQ(lines_of(infer({"--image", "saved.png"}).out)[0], "Prediction: " + expected_[4]);
}

TEST_F(InferTest, PrintsTheLikeliestClasses) {
  const auto lines = lines_of(infer({"images/02.png", "--top-k", "3"}).out);
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0], "Prediction: " + expected_[2]);
  EXPECT_THAT(lines[1], HasSubstr(expected_[2] + "\t"));
  EXPECT_THAT(lines_of(infer({"images/02.png", "--top-k", "99"}).out), SizeIs(11)) << "no more than there are classes";
  EXPECT_THAT(fields_of(lines_of(infer({"images", "--top-k", "2"}).out)[2], '\t'), SizeIs(5));
}

// An option that changes nothing is named, once, and the answer is given.
TEST_F(InferTest, WarnsOfOptionsWithoutEffect) {
  const auto outcome = infer({"images/02.png", "--top-k", "99", "--dataset", "mnist", "--invert", "always"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err,
            "warning: --dataset has no effect: it is for --test-item\n"
            "warning: --top-k 99 is more than the 10 classes of the model: all of them count\n");
  EXPECT_THAT(infer({"--test-item", "1", "--data-dir", "data", "--invert", "always", "--threads", "64"}).err,
              AllOf(HasSubstr("warning: --invert has no effect: test items are never inverted\n"),
                    HasSubstr("warning: --threads 64 is more than the ")));
}

TEST_F(InferTest, KeepsOldResultsIfNoImageHasAnAnswer) {
  test::write_file(*folder_ / "kept.csv", "old results\n");
  const auto outcome = infer({"nothing.png", "--output", "kept.csv", "--format", "csv"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("warning: no image has an answer; 'kept.csv' is not written\n"));
  EXPECT_EQ(test::content_of(*folder_ / "kept.csv"), "old results\n");
}

TEST_F(InferTest, WritesJson) {
  const auto lines = lines_of(infer({"images", "--format", "json", "--top-k", "2"}).out);
  ASSERT_THAT(lines, SizeIs(kItems));
  for (std::size_t item = 0; item < lines.size(); ++item) {
    const auto object = nlohmann::json::parse(lines[item]);
    EXPECT_EQ(object["prediction"], expected_[item]);
    EXPECT_NEAR(object["probability"].get<double>(), probability_[item], 1e-5);
    ASSERT_EQ(object["top_k"].size(), 2U);
    EXPECT_EQ(object["top_k"][0]["class"], expected_[item]);
    EXPECT_EQ(object["top_k"][0]["class_index"], object["class_index"]);
    EXPECT_GE(object["probability"], object["top_k"][1]["probability"]);
    EXPECT_THAT(object["path"].get<std::string>(), HasSubstr(".png"));
  }
  const auto object = nlohmann::json::parse(infer({"--test-item", "5", "--data-dir", "data", "--format", "json"}).out);
  EXPECT_EQ(object["test_item"], 5);
  EXPECT_EQ(object["label"], "5");
}

TEST_F(InferTest, WritesCsvWithQuotes) {
  std::filesystem::copy_file(image(0), *folder_ / "a \"b\", c.png");
  const auto lines = lines_of(infer({"a \"b\", c.png", "--format", "csv", "--top-k", "10"}).out);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0],
              AllOf(HasSubstr("path,prediction,class_index,probability,prediction_2,"), HasSubstr("probability_10")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("\"a \"\"b\"\", c.png\","), HasSubstr(",\"nine, at last\",9,")));
  EXPECT_EQ(lines_of(infer({"--test-item", "5", "--data-dir", "data", "--format", "csv"}).out)[0],
            "test_item,label,prediction,class_index,probability");
}

TEST_F(InferTest, GoesOnAfterAFileThatCannotBeRead) {
  test::write_file(*folder_ / "broken.png", "GIF89a and so on");
  const auto outcome = infer({"images/01.png", "broken.png", "none.png", "images/02.png"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(lines_of(outcome.out), ElementsAre(HasSubstr("images/01.png"), HasSubstr("images/02.png")));
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("error: 'broken.png' is a GIF image"), HasSubstr("hint: convert it to PNG"),
                                 HasSubstr("none.png")));
}

// A file's name can have 255 bytes; that of the annotated picture would be longer.
TEST_F(InferTest, AnnotatesPicturesWithLongNames) {
  const std::string stem = std::string(236, 'a') + "\xC3\xA4";
  std::filesystem::create_directories(*folder_ / "long");
  for (const auto* ending : {"1.png", "2.png"}) {
    std::filesystem::copy_file(image(3), *folder_ / "long" / (stem + ending));
  }
  const auto outcome = infer({"long", "--annotate", "annotated-long"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(lines_of(outcome.out), SizeIs(2));
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(*folder_ / "annotated-long")) {
    names.push_back(entry.path().filename().string());
    EXPECT_EQ(read_image(entry.path()).size(2), 3);
  }
  std::sort(names.begin(), names.end());
  ASSERT_THAT(names, SizeIs(2));
  for (const std::string& name : names) {
    EXPECT_THAT(name, AllOf(HasSubstr("model_prediction_aaaaaaaa"), ::testing::ContainsRegex("a~[0-9a-f]{8}\\.png$"),
                            SizeIs(204)));
  }
  EXPECT_EQ(infer({"long", "--annotate", "annotated-long"}).exit_code, 0);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(*folder_ / "annotated-long"), {}), 2);
}

// Cairo draws no picture of more than 32,767 pixels.
TEST_F(InferTest, AnnotatesPicturesOfAnyWidth) {
  test::write_file(*folder_ / "wide.png", test::png_file({33'000, 40}));
  const auto outcome = infer({"wide.png", "images/03.png", "--annotate", "annotated-wide"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(read_image(*folder_ / "annotated-wide" / "model_prediction_wide.png").size(2), 3);
  EXPECT_TRUE(std::filesystem::exists(*folder_ / "annotated-wide" / "model_prediction_03.png"));
}

TEST_F(InferTest, OneBadPictureOfManyNeverEndsTheOthers) {
  const auto dir = *folder_ / "bad";
  test::write_file(dir / "a.png", test::png_file({5, 5}).substr(0, 33) + test::big_endian_32(0x7FFFFFFF) + "tEXtabcd");
  const auto size = test::big_endian_32(9000) + test::big_endian_32(9000);
  auto interlaced = test::png_file({1, 1, 8, 6, /*interlaced=*/true});
  test::write_file(dir / "b.png", test::with_png_checksums(interlaced.replace(16, size.size(), size)));
  auto progressive = test::flat_jpeg({16, 16, true, 3});
  const auto sides = test::big_endian_16(12'000) + test::big_endian_16(12'000);
  progressive.replace(progressive.find("\xff\xc2") + 5, sides.size(), sides);
  test::write_file(dir / "c.jpg", progressive);
  test::write_file(dir / "d.jpg", "\xff\xd8\xff\xd9");
  std::filesystem::copy_file(image(3), dir / "e.png");
  const std::string too_long = std::string(300, 'x') + ".png";
  for (const auto* batch : {"2", "64"}) {
    const auto outcome = infer({"bad", too_long, "images/01.png", "--batch-size", batch});
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_THAT(lines_of(outcome.out),
                ElementsAre(HasSubstr("bad/e.png\t" + expected_[3]), HasSubstr("images/01.png\t" + expected_[1])));
    for (const auto* name : {"bad/a.png", "bad/b.png", "bad/c.jpg", "bad/d.jpg", "xxx.png"}) {
      EXPECT_THAT(outcome.err, HasSubstr(name));
    }
    EXPECT_EQ(count_of(outcome.err, "error: "), 5U) << outcome.err;
  }
}

// Whatever a single file holds: 512 MB, of which the program itself takes a third.
TEST_F(InferTest, APictureNeverTakesMoreThanItsShareOfMemory) {
  if (!test::kMemoryIsCounted) GTEST_SKIP() << "the sanitizers take memory of their own";
  constexpr std::uint64_t kMost = 512'000'000;
  const auto dir = *folder_ / "large";
  test::write_file(dir / "grey.png", test::png_file({9000, 9000, 1, 0}));
  test::write_file(dir / "progressive.jpg", test::flat_jpeg({7000, 7000, true, 3}));
  test::write_file(dir / "baseline.jpg", test::flat_jpeg({10'000, 10'000}));
  for (const auto* name : {"large/grey.png", "large/progressive.jpg", "large/baseline.jpg"}) {
    const auto outcome = infer({name});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_LE(outcome.peak_memory, kMost) << name;
  }
}

// Numbers that the network computes can be infinite although its weights are not.
TEST_F(InferTest, NumbersThatAreNotFiniteAreAnErrorThatNamesTheModel) {
  const auto& info = model_info("lenet");
  const auto network = make_network(info, 10, 3);
  const c10::AutoGradMode no_grad(false);
  for (const auto& [name, tensor] : state_dict(*network)) tensor.fill_(1e30F);
  Recipe recipe;
  recipe.arch = "lenet";
  recipe.class_names = dataset_class_names("mnist");
  recipe.preprocessing = info.preprocessing;
  write_model_file(*folder_ / "overflow.pt", state_dict(*network), recipe);

  const std::vector<std::string> common{"--device", "cpu", "--threads", "1", "--model", "overflow.pt"};
  for (std::vector<std::string> arguments :
       std::vector<std::vector<std::string>>{{"infer", "images/03.png"},
                                             {"infer", "--test-item", "4", "--data-dir", "data"},
                                             {"evaluate", "--data-dir", "data"}}) {
    arguments.insert(arguments.end(), common.begin(), common.end());
    auto process = test::program(MNIST_BINARY, arguments);
    process.folder = folder_->path();
    const auto outcome = test::run(process);
    EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("the model 'overflow.pt' gives numbers that are not finite"), HasSubstr("hint: ")));
  }
}

TEST_F(InferTest, TellsWhichFilesOfAFolderAreLeftOut) {
  std::filesystem::create_directories(*folder_ / "mixed");
  std::filesystem::copy_file(image(0), *folder_ / "mixed" / "digit.png");
  std::filesystem::copy_file(image(0), *folder_ / "mixed" / ".hidden");
  test::write_file(*folder_ / "mixed" / "animation.gif", "GIF89a and so on");
  const auto outcome = infer({"mixed"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(
      outcome.err,
      HasSubstr("1 entry is skipped (no .png, .jpg or .jpeg file, or a link to a folder): 'mixed/animation.gif'"));
}

TEST_F(InferTest, TellsOfAFolderWithoutImages) {
  std::filesystem::create_directories(*folder_ / "empty" / "below");
  const auto outcome = infer({"empty", "images/01.png"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("error: folder 'empty' contains no images"));
  EXPECT_THAT(lines_of(outcome.out), SizeIs(1));
}

TEST_F(InferTest, ResultsDoNotReplaceAPicture) {
  const auto outcome = infer({"images/03.png", "--output", "other.PNG"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("error: --output 'other.PNG' has the name of a picture, and gets text\n"));
}

TEST_F(InferTest, NeverWritesOverWhatItReads) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"images/03.png", "--output", "images/03.png"},
        {"images", "--output", "images/../images/03.png"}}) {
    const auto outcome = infer(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("the output would replace"));
  }
  EXPECT_EQ(infer({"images/03.png"}).exit_code, 0) << "the picture is gone";
}

TEST_F(InferTest, WritesTheResultsToAFile) {
  const auto outcome = infer({"images", "--output", "results.tsv"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(test::content_of(*folder_ / "results.tsv"), infer({"images"}).out);
  EXPECT_EQ(infer({"images", "--output", "images/01.png/results.tsv"}).exit_code, 3);
}

TEST_F(InferTest, InvertsDarkDigitsOnALightGround) {
  write_png(*folder_ / "light.png", 255 - read_image(image(6)));
  EXPECT_EQ(infer({"light.png", "--format", "json", "--invert", "always"}).out,
            infer({"light.png", "--format", "json"}).out);
  EXPECT_EQ(lines_of(infer({"light.png"}).out)[0], "Prediction: " + expected_[6]);
  EXPECT_NE(infer({"light.png", "--format", "json", "--invert", "never"}).out,
            infer({"light.png", "--format", "json"}).out);
}

TEST_F(InferTest, SaysWhereTheDataIsMissing) {
  const auto outcome = infer({"--test-item", "1", "--data-dir", "nowhere"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("nowhere"), HasSubstr("scripts/fetch_data mnist")));
}

struct Misuse {
  std::string name;
  std::vector<std::string> arguments;
  std::string message;
};

class InferMisuseTest : public InferTest, public ::testing::WithParamInterface<Misuse> {};

TEST_P(InferMisuseTest, IsRefused) {
  const auto outcome = infer(GetParam().arguments);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("error: " + GetParam().message), HasSubstr("hint: ")));
  EXPECT_EQ(outcome.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    Options, InferMisuseTest,
    ::testing::Values(
        Misuse{"Nothing", {}, "there is no image to classify"},
        Misuse{"ItemAndImage", {"images/01.png", "--test-item", "1"}, "--test-item classifies an item of a data set"},
        Misuse{"SaveImage", {"images/01.png", "--save-image", "x.png"}, "--save-image needs --test-item"},
        Misuse{"ItemBehindTheEnd",
               {"--test-item", "12", "--data-dir", "data"},
               "there is no test item 12: the test set has items 0 to 11"},
        Misuse{"NegativeItem", {"--test-item", "-1", "--data-dir", "data"}, "--test-item"},
        Misuse{"NoClasses", {"images/01.png", "--top-k", "0"}, "--top-k must be an integer from 1 to"},
        Misuse{"Probability",
               {"images/01.png", "--min-probability", "50"},
               "--min-probability must be a number from 0 to 1"},
        Misuse{"MultiItem", {"--test-item", "1", "--multi"}, "--multi is for images"},
        Misuse{"Format", {"images/01.png", "--format", "yaml"}, "--format cannot be 'yaml'"},
        Misuse{"Invert", {"images/01.png", "--invert", "sometimes"}, "--invert cannot be 'sometimes'"}),
    [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace mnist
