// Inputs of `mnist infer` and `evaluate` that are not regular files: stdin, pipes, and lists of files from them.
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "infer_folder.hpp"
#include "support/program.hpp"
#include "support/subprocess.hpp"

namespace mnist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class InferStreamsTest : public InferTest {
 protected:
  static test::SubprocessResult mnist(const std::vector<std::string>& arguments, const std::string& input) {
    auto process = test::program(MNIST_BINARY, arguments);
    process.folder = folder_->path();
    process.changes["MNIST_DEVICE"] = "cpu";
    process.input = input;
    return test::run(process);
  }

  static std::string bytes(std::int64_t item) { return test::content_of(image(item)); }
};

TEST_F(InferStreamsTest, APictureComesThroughStdin) {
  const auto expected = infer({"images/03.png"}).out;
  for (const std::vector<std::string>& named :
       std::vector<std::vector<std::string>>{{"--image", "-"}, {"-"}, {"--image", "/dev/stdin"}}) {
    std::vector<std::string> arguments{"infer", "--model", "model.pt"};
    arguments.insert(arguments.end(), named.begin(), named.end());
    const auto outcome = mnist(arguments, bytes(3));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, expected) << named.back();
  }
  const auto json = mnist({"infer", "--model", "model.pt", "images/01.png", "-", "--format", "json"}, bytes(3));
  const auto lines = lines_of(json.out);
  ASSERT_THAT(lines, SizeIs(2)) << json.err;
  EXPECT_EQ(nlohmann::json::parse(lines[1])["path"], "-");
  EXPECT_EQ(nlohmann::json::parse(lines[1])["prediction"], expected_[3]);
}

TEST_F(InferStreamsTest, SeveralPicturesInOneStreamAreAnError) {
  const auto outcome = mnist({"infer", "--model", "model.pt", "-"}, bytes(3) + bytes(1));
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("error: '-' contains more than one image\nhint: "));
  EXPECT_EQ(mnist({"infer", "--model", "model.pt", "-"}, bytes(3) + "further bytes").exit_code, 0);
  test::write_file(*folder_ / "two.png", bytes(3) + bytes(1));
  EXPECT_THAT(infer({"two.png"}).err, HasSubstr("error: 'two.png' contains more than one image\n"));
}

// A pipe can be read once; a picture to be drawn is decoded twice.
TEST_F(InferStreamsTest, APictureThatIsDecodedAgainIsReadOnce) {
  const auto drawn = mnist({"infer", "--model", "model.pt", "-", "--annotate", "drawn-stdin"}, bytes(3));
  EXPECT_EQ(drawn.exit_code, 0) << drawn.err;
  EXPECT_TRUE(std::filesystem::exists(*folder_ / "drawn-stdin" / "model_prediction_stdin.png"));
}

TEST_F(InferStreamsTest, APipeByItsNameIsReadAsOftenAsItIsNamed) {
  auto process = test::program(MNIST_BINARY, {"infer", "--model", "model-pipe", "a-pipe", "images/01.png"});
  process.folder = folder_->path();
  process.changes["MNIST_DEVICE"] = "cpu";
  process.command.insert(process.command.begin(),
                         {"/bin/sh", "-c",
                          "mkfifo a-pipe model-pipe; cat images/03.png > a-pipe & cat model.pt > model-pipe & "
                          "\"$0\" \"$@\" && wait"});
  const auto outcome = test::run(process);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(lines_of(outcome.out),
              ElementsAre(HasSubstr("a-pipe\t" + expected_[3]), HasSubstr("images/01.png\t" + expected_[1])));
  // A pipe in a folder is skipped.
  std::filesystem::create_directories(*folder_ / "with-pipe");
  std::filesystem::copy_file(image(3), *folder_ / "with-pipe" / "3.png");
  std::filesystem::rename(*folder_ / "a-pipe", *folder_ / "with-pipe" / "pipe.png");
  const auto of_folder = infer({"with-pipe"});
  EXPECT_EQ(of_folder.exit_code, 0) << of_folder.err;
  EXPECT_THAT(of_folder.err, HasSubstr("'with-pipe/pipe.png'"));
}

TEST_F(InferStreamsTest, AModelComesThroughStdin) {
  const auto model = test::content_of(*folder_ / "model.pt");
  const auto outcome = mnist({"infer", "--model", "-", "images/03.png"}, model);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, infer({"images/03.png"}).out);
  EXPECT_THAT(mnist({"info", "-"}, model).out, HasSubstr("network: lenet"));
  EXPECT_EQ(mnist({"evaluate", "--model", "-", "--data-dir", "data"}, model).exit_code, 0);
}

TEST_F(InferStreamsTest, WhatCannotBeReadIsSaid) {
  const auto nothing = mnist({"infer", "--model", "model.pt", "--image", "-"}, "");
  EXPECT_EQ(nothing.exit_code, 3);
  EXPECT_THAT(nothing.err,
              AllOf(HasSubstr("error: image '-' is empty"), HasSubstr("hint: the pipe contained no data")));
  const auto gif = mnist({"infer", "--model", "model.pt", "--image", "-"}, "GIF89a and so on");
  EXPECT_EQ(gif.exit_code, 3);
  EXPECT_THAT(gif.err, HasSubstr("error: '-' is a GIF image"));
  const auto refused = [&](std::vector<std::string> arguments, const std::string& message) {
    arguments.insert(arguments.begin(), "infer");
    const auto outcome = mnist(arguments, bytes(3));
    EXPECT_EQ(outcome.exit_code, 2) << message;
    EXPECT_THAT(outcome.err, StartsWith("error: " + message + "\nhint: give a file for all but one of them\n"));
    EXPECT_EQ(outcome.out, "");
  };
  refused({"--model", "-", "--image", "-"}, "--model and --image both read stdin");
  refused({"--files-from", "-", "/dev/stdin"}, "--files-from and --image both read stdin");
  refused({"-", "-"}, "--image reads stdin twice");
  refused({"--classes", "-", "--files-from", "-"}, "--classes and --files-from both read stdin");
}

TEST_F(InferStreamsTest, AListNamesTheFiles) {
  const std::string names = "images/03.png\n\nimages/more/07.png\r\nimages/more\n";
  const auto expected = infer({"images/03.png", "images/more/07.png", "images/more"}).out;
  const auto listed = mnist({"infer", "--model", "model.pt", "--files-from", "-"}, names);
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  EXPECT_EQ(listed.out, expected);
  test::write_file(*folder_ / "list.txt", "images/more/07.png\nimages/more");
  EXPECT_EQ(infer({"images/03.png", "--files-from", "list.txt"}).out, expected) << "given paths come first";
  EXPECT_THAT(lines_of(mnist({"infer", "--model", "model.pt", "--files-from", "-"}, "images/03.png\n").out),
              ElementsAre(StartsWith("images/03.png\t")))
      << "the form does not depend on the number of files";
}

TEST_F(InferStreamsTest, AListWithZeroBytesTakesAnyName) {
  const auto odd = std::string("odd\nname.png");
  std::filesystem::copy_file(image(3), *folder_ / odd);
  const auto listed = mnist({"infer", "--model", "model.pt", "--files-from", "-", "--format", "json"},
                            odd + '\0' + "images/01.png" + '\0');
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  const auto lines = lines_of(listed.out);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(nlohmann::json::parse(lines[0])["path"], odd);
}

TEST_F(InferStreamsTest, AListThatNamesNothingIsAnError) {
  for (const auto* text : {"", "\n\n"}) {
    const auto outcome = mnist({"infer", "--model", "model.pt", "--files-from", "-"}, text);
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("error: list of files '-'"), HasSubstr("hint: ")));
  }
  const auto none = mnist({"infer", "--model", "model.pt", "--files-from", "none.txt"}, "");
  EXPECT_THAT(none.err, HasSubstr("there is no list of files 'none.txt'"));
  const auto picture = infer({"--files-from", "images/03.png"});
  EXPECT_EQ(picture.exit_code, 3);
  EXPECT_EQ(picture.err,
            "error: 'images/03.png' is not a list of files: it begins as a picture or an archive does\n"
            "hint: give a picture with --image; a list has one path per line, as in: ls -d scans/* > list.txt\n");
  // A line contains only the name of a file.
  const auto dash = mnist({"infer", "--model", "model.pt", "--files-from", "-"}, "-\nimages/03.png\n");
  EXPECT_EQ(dash.exit_code, 3);
  EXPECT_THAT(dash.err, HasSubstr("there is no image './-'"));
  EXPECT_THAT(lines_of(dash.out), SizeIs(1));
}

TEST_F(InferStreamsTest, ATableOfPicturesComesThroughStdin) {
  std::string table = "path,label\n";
  for (std::int64_t item = 0; item < 6; ++item) {
    table += fmt::format("images/0{}.png,{}\n", item, item == 0 ? std::string("\"nine, at last\"") : expected_[0]);
  }
  const std::vector<std::string> arguments{"evaluate",   "--model", "model.pt", "--dataset", "folder",
                                           "--data-dir", "-",       "--format", "json"};
  const auto outcome = mnist(arguments, table);
  // The list has two of the model's ten classes: this is rejected after the pictures were found.
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("2 of the model's 10 classes have pictures"));
}

// Like `| head -1`: not an error for the user.
TEST_F(InferStreamsTest, AReaderThatLeavesIsNoError) {
  auto process = test::program(MNIST_BINARY, {"infer", "--model", "model.pt", "images", "--batch-size", "1"});
  process.folder = folder_->path();
  process.changes["MNIST_DEVICE"] = "cpu";
  process.command.insert(process.command.begin(), {"/bin/sh", "-c", "\"$0\" \"$@\" --log-level warning | head -n 1"});
  const auto outcome = test::run(process);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(lines_of(outcome.out), SizeIs(1));
  EXPECT_THAT(outcome.err, ::testing::Not(HasSubstr("error")));
}

}  // namespace
}  // namespace mnist
