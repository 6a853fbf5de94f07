// What `mnist infer` says of pictures that a network has no answer for, and of those with several digits.
#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "mnist/data/dataset.hpp"
#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"

#include "infer_folder.hpp"
#include "support/program.hpp"
#include "support/subprocess.hpp"

namespace mnist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class InferAnswersTest : public InferTest {};

TEST_F(InferAnswersTest, SaysWhereThereIsNoDigit) {
  write_png(*folder_ / "blank.png", torch::full({120, 90, 1}, 240, torch::kUInt8));
  write_png(*folder_ / "blank28.png", torch::full({28, 28, 1}, 240, torch::kUInt8));
  for (const auto* name : {"blank.png", "blank28.png"}) {
    const auto outcome = infer({name, "--top-k", "3"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "Prediction: none (no digit found)\n");
  }
  const auto many = infer({"images/03.png", "blank.png", "images/01.png", "--annotate", "annotated-blank"});
  EXPECT_EQ(many.exit_code, 0) << many.err;
  EXPECT_THAT(lines_of(many.out),
              ElementsAre(HasSubstr("\t" + expected_[3] + "\t"), "blank.png\tnone\t-\tno digit found",
                          HasSubstr("\t" + expected_[1] + "\t")));
  EXPECT_TRUE(std::filesystem::exists(*folder_ / "annotated-blank" / "model_prediction_blank.png"));
  const auto object = nlohmann::json::parse(infer({"blank.png", "--format", "json"}).out);
  EXPECT_TRUE(object["prediction"].is_null());
  EXPECT_TRUE(object["class_index"].is_null());
  EXPECT_EQ(object["reason"], "no digit found");
  EXPECT_TRUE(object["top_k"].empty());
  EXPECT_EQ(lines_of(infer({"blank.png", "--format", "csv", "--top-k", "2"}).out)[1], "blank.png,,,,,,,no digit found");
}

TEST_F(InferAnswersTest, IsUnsureBelowTheLeastProbability) {
  const auto least = std::to_string(probability_[3] + 0.001);
  const auto shown = fmt::format("{:.4f}", std::floor(probability_[3] * 1e4) / 1e4);
  const auto one = infer({"images/03.png", "--min-probability", least});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(one.out, "Prediction: unsure (" + expected_[3] + " with " + shown + ")\n");
  EXPECT_THAT(lines_of(infer({"images/03.png", "--min-probability", least, "--top-k", "3"}).out), SizeIs(4));
  EXPECT_EQ(infer({"--test-item", "3", "--data-dir", "data", "--min-probability", least}).out,
            "Label: 3, Prediction: unsure (" + expected_[3] + " with " + shown + ")\n");
  EXPECT_THAT(infer({"images/03.png", "images/03.png", "--min-probability", least}).out,
              HasSubstr("images/03.png\tnone\t-\tunsure\t" + expected_[3] + "\t0."));
  const auto json = infer({"images/03.png", "--min-probability", least, "--top-k", "2", "--format", "json"});
  const auto object = nlohmann::json::parse(json.out);
  EXPECT_TRUE(object["prediction"].is_null());
  EXPECT_EQ(object["reason"], "unsure");
  EXPECT_NEAR(object["probability"].get<double>(), probability_[3], 1e-4);
  EXPECT_EQ(object["top_k"][0]["class"], expected_[3]);
  EXPECT_THAT(infer({"images/03.png", "--min-probability", least, "--format", "csv"}).out,
              AllOf(HasSubstr("\nimages/03.png,,"), HasSubstr(",unsure\n")));
  const auto sure = infer({"images/03.png", "--min-probability", std::to_string(probability_[3] - 0.001)});
  EXPECT_EQ(sure.out, infer({"images/03.png"}).out);
}

// Two digits side by side and one below them; the third test item is used for all.
torch::Tensor three_digits(const torch::Tensor& bar) {
  auto picture = torch::zeros({200, 160, 1}, torch::kUInt8);
  for (const auto& [top, left] : {std::pair{20, 20}, {20, 100}, {120, 20}}) {
    picture.slice(0, top, top + 60).slice(1, left, left + 30).copy_(bar);
  }
  return picture;
}

TEST_F(InferAnswersTest, CountsSeveralDigitsAndReadsThemIfAskedTo) {
  write_png(*folder_ / "three.png", three_digits(torch::full({60, 30, 1}, 200, torch::kUInt8)));
  const auto outcome = infer({"three.png"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "Prediction: none (3 digits found; --multi reads them)\n");

  const auto text = lines_of(infer({"three.png", "--multi"}).out);
  ASSERT_THAT(text, SizeIs(4));
  EXPECT_THAT(text[0], ::testing::MatchesRegex("Prediction: ([a-z]+) [a-z]+ / [a-z, ]+"));
  EXPECT_THAT(fields_of(text[2], '\t'), SizeIs(3));
  EXPECT_EQ(fields_of(text[2], '\t')[0], "99,19,32,62") << "the ink and its edge";

  write_png(*folder_ / "blank3.png", torch::full({120, 90, 1}, 240, torch::kUInt8));
  const auto lines = lines_of(infer({"three.png", "blank3.png", "images/03.png", "--multi"}).out);
  ASSERT_THAT(lines, SizeIs(5));
  EXPECT_THAT(lines[0], ::testing::StartsWith("three.png\t19,19,32,62\t"));
  EXPECT_EQ(lines[3], "blank3.png\t-\tnone\t-\tno digit found");
  EXPECT_THAT(lines[4], ::testing::StartsWith("images/03.png\t0,0,28,28\t" + expected_[3]));

  const auto json =
      lines_of(infer({"three.png", "blank3.png", "--multi", "--format", "json", "--batch-size", "2"}).out);
  ASSERT_THAT(json, SizeIs(2));
  const auto object = nlohmann::json::parse(json[0]);
  ASSERT_EQ(object["digits"].size(), 3U);
  EXPECT_EQ(object["digits"][2]["line"], 2);
  EXPECT_EQ(object["digits"][1]["box"]["left"], 99);
  EXPECT_EQ(object["digits"][1]["top_k"][0]["class"], object["digits"][1]["prediction"]);
  EXPECT_EQ(nlohmann::json::parse(json[1])["reason"], "no digit found");
  EXPECT_TRUE(nlohmann::json::parse(json[1])["digits"].empty());

  const auto csv = lines_of(infer({"three.png", "blank3.png", "--multi", "--format", "csv"}).out);
  ASSERT_THAT(csv, SizeIs(5));
  EXPECT_EQ(csv[0], "path,line,left,top,width,height,prediction,class_index,probability,reason");
  EXPECT_THAT(csv[3], ::testing::StartsWith("three.png,2,19,119,32,62,"));
  EXPECT_EQ(csv[4], "blank3.png,,,,,,,,,no digit found");
  EXPECT_EQ(infer({"three.png", "--multi", "--annotate", "annotated-three"}).exit_code, 0);
  // The first box is at 19,19; the picture is smaller than its drawing, which has a margin of 16.
  const auto drawing = read_image(*folder_ / "annotated-three" / "model_prediction_three.png").to(at::kInt);
  const auto orange = (drawing - at::tensor({230, 89, 0}, at::kInt)).abs().le(2).all(2).nonzero();
  EXPECT_GT(orange.size(0), 200) << "no boxes are drawn";
}

TEST_F(InferAnswersTest, ShowsWhatTheNetworkSees) {
  write_png(*folder_ / "large.png", three_digits(torch::full({60, 30, 1}, 200, torch::kUInt8)).slice(0, 0, 100));
  const auto outcome = infer({"images/03.png", "large.png", "--multi", "--show-input", "seen"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(read_image(*folder_ / "seen" / "03.png").equal(read_image(image(3))));
  for (const auto* name : {"large-digit1.png", "large-digit2.png"}) {
    const auto seen = read_image(*folder_ / "seen" / name);
    EXPECT_EQ(seen.sizes(), (std::vector<std::int64_t>{28, 28, 1}));
    EXPECT_EQ(seen.max().item<int>(), 255);
  }
  std::filesystem::create_directories(*folder_ / "pages/a");
  std::filesystem::create_directories(*folder_ / "pages/b");
  std::filesystem::copy_file(image(3), *folder_ / "pages/a/03.png");
  std::filesystem::copy_file(image(4), *folder_ / "pages/b/03.png");
  const auto again = infer({"images/03.png", "pages", "--show-input", "seen"});
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, AllOf(HasSubstr("'seen' already has 3 PNG files"),
                               HasSubstr("3 inputs of the network written to 'seen'\n")));
  EXPECT_TRUE(std::filesystem::exists(*folder_ / "seen" / "03.png")) << "a picture that was there is gone";
  EXPECT_TRUE(read_image(*folder_ / "seen/a/03.png").equal(read_image(image(3))));
  EXPECT_TRUE(read_image(*folder_ / "seen/b/03.png").equal(read_image(image(4))));
  EXPECT_EQ(infer({"--test-item", "3", "--show-input", "seen"}).exit_code, 2);
}

TEST_F(InferAnswersTest, EvaluateShowsWhatIsMisclassified) {
  auto process = test::program(MNIST_BINARY, {"evaluate", "--model", "model.pt", "--data-dir", "data", "--format",
                                              "json", "--show-misclassified", "wrong", "--device", "cpu"});
  process.folder = folder_->path();
  const auto outcome = test::run(process);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto mistakes = nlohmann::json::parse(outcome.out)["misclassified"];
  ASSERT_FALSE(mistakes.empty());
  const auto bins = nlohmann::json::parse(outcome.out)["calibration"]["bins"];
  EXPECT_EQ(bins[0]["from"], 0);
  EXPECT_EQ(bins[0]["to"], bins[1]["from"]);
  EXPECT_EQ(bins.back()["to"], 1);
  EXPECT_EQ(bins[0]["items"], 0) << "of ten classes, the most probable one has at least 0.1";
  EXPECT_TRUE(bins[0]["accuracy"].is_null() && bins[0]["probability"].is_null()) << "the mean of nothing";
  EXPECT_EQ(test::run(process).exit_code, 0);
  const auto files = std::distance(std::filesystem::directory_iterator(*folder_ / "wrong"), {});
  EXPECT_EQ(files, static_cast<std::ptrdiff_t>(mistakes.size())) << "the second run replaces the first one's";
  const auto item = mistakes[0]["item"].get<std::int64_t>();
  const auto name = fmt::format("{}_true_{}_predicted_{}.png", item, mistakes[0]["true"].get<std::string>(),
                                mistakes[0]["predicted"].get<std::string>());
  EXPECT_TRUE(read_image(*folder_ / "wrong" / name).equal(read_image(image(item)))) << name;
}

TEST_F(InferAnswersTest, EvaluateShowsPhotosOfAnyNameApart) {
  const std::string stem = std::string(180, 'x');
  for (int i = 0; i < 10; ++i) {
    const auto folder = *folder_ / "named" / (std::string(200, 'c') + std::to_string(i));
    std::filesystem::create_directories(folder / "sub");
    for (const auto* name : {"a.png", "sub/a.png"}) std::filesystem::copy_file(image(i), folder / name);
    for (const auto* ending : {"1.png", "2.png"}) std::filesystem::copy_file(image(i), folder / (stem + ending));
  }
  auto process = test::program(
      MNIST_BINARY, {"evaluate", "--model", "model.pt", "--dataset", "folder", "--data-dir", "named", "--classes",
                     "numbers", "--format", "json", "--show-misclassified", "wrong-named", "--device", "cpu"});
  std::string names;
  for (int i = 0; i < 10; ++i) names += std::string(200, 'c') + std::to_string(i) + "\n";
  test::write_file(*folder_ / "numbers", names);
  process.folder = folder_->path();
  const auto outcome = test::run(process);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto mistakes = nlohmann::json::parse(outcome.out)["misclassified"];
  ASSERT_FALSE(mistakes.empty());
  const auto files = std::distance(std::filesystem::directory_iterator(*folder_ / "wrong-named"), {});
  EXPECT_EQ(files, static_cast<std::ptrdiff_t>(mistakes.size()));
}

// Of a photo, the network is asked whatever is on it.
TEST_F(InferAnswersTest, PhotosAreNeverWithoutAnAnswer) {
  const auto& info = model_info("lenet");
  const auto network = make_network(info, 10, 3);
  Recipe recipe;
  recipe.arch = "lenet";
  recipe.class_names = dataset_class_names("mnist");
  recipe.preprocessing = info.preprocessing;
  recipe.preprocessing.kind = Preprocessing::Kind::photo;
  recipe.preprocessing.resize = 28;
  write_model_file(*folder_ / "photos.pt", state_dict(*network), recipe);
  write_png(*folder_ / "grey.png", torch::full({60, 90, 3}, 200, torch::kUInt8));
  auto process = test::program(MNIST_BINARY, {"infer", "--device", "cpu", "--model", "photos.pt", "grey.png"});
  process.folder = folder_->path();
  const auto outcome = test::run(process);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, ::testing::ContainsRegex("^Prediction: [0-9]\nProbability: "));
  process.command.emplace_back("--multi");
  const auto refused = test::run(process);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--multi reads digits, but 'photos.pt' is a model for photos"));
}

}  // namespace
}  // namespace mnist
