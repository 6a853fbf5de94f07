// report.html with the real binary: written by training, and again by `mnist report`.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kEvaluated = "<h2>Confusion matrix: ";

class Report : public ::testing::Test {
 protected:
  Report() { write_small_mnist(folder_ / "data", 200, 50); }

  SubprocessResult mnist(const std::vector<std::string>& arguments) const {
    Subprocess process = program(MNIST_BINARY, arguments, {{"MNIST_DEVICE", "cpu"}});
    process.folder = folder_.path();
    return run(process);
  }

  SubprocessResult train(const std::vector<std::string>& further) const {
    std::vector<std::string> arguments = {"train", "--arch", "lenet", "--quiet", "--run-dir", "run"};
    arguments.insert(arguments.end(), further.begin(), further.end());
    return mnist(arguments);
  }

  std::string page(const std::string& name = "run/report.html") const { return content_of(folder_ / name); }

  TemporaryFolder folder_;
};

TEST_F(Report, IsWrittenByTrainingAndMadeAgainFromTheRun) {
  ASSERT_EQ(train({"--epochs", "2", "--lr", "0.001"}).exit_code, 0);
  const std::string written = page();
  EXPECT_THAT(written, ContainsRegex("Written by mnist [^,]+, 20[-0-9]+T[0-9:]+Z\\."));
  EXPECT_THAT(written,
              AllOf(HasSubstr("<h1>run: lenet on mnist</h1>"), HasSubstr("Confusion matrix: test images of mnist"),
                    HasSubstr("class=\"state-finished\">finished"),
                    HasSubstr("<th scope=\"row\">--lr</th><td>0.001</td>"), HasSubstr("/run/config.toml</code>")));
  const SubprocessResult again = mnist({"report", "run", "--output", "again.html"});
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("report: 'again.html'\n"));
  const auto figures = [](const std::string& text) {
    const std::size_t begin = text.find("<dl class=\"headline\">");
    return text.substr(begin, text.find("</dl>") - begin);
  };
  EXPECT_EQ(figures(page("again.html")), figures(written)) << "the same weights on the same images";
  const auto without_time = [](const std::string& text) { return text.substr(0, text.find("<footer>")); };
  EXPECT_EQ(without_time(page("again.html")), without_time(written));

  // Files of the run are never replaced, and a wrong device is no missing evaluation.
  EXPECT_EQ(mnist({"report", "run", "--output", "run/last.pt"}).exit_code, 2);
  EXPECT_EQ(mnist({"report", "run", "--output", "lenet.pt"}).exit_code, 2);
  EXPECT_EQ(mnist({"report", "run", "--device", "bogus"}).exit_code, 2);

  // The data are gone: the page has what is left, and says what is missing.
  std::filesystem::remove_all(folder_ / "data");
  const SubprocessResult stored = mnist({"report", "run"});
  EXPECT_EQ(stored.exit_code, 0);
  EXPECT_THAT(stored.err, HasSubstr("; the evaluation is that of the end of the run, without pictures of mistakes; to "
                                    "name the data, use --data-dir\n"));
  EXPECT_THAT(page(), HasSubstr(kEvaluated));
  std::filesystem::remove(folder_ / "run/evaluation.json");
  const SubprocessResult without = mnist({"report", "run"});
  EXPECT_EQ(without.exit_code, 0);
  EXPECT_THAT(without.err, HasSubstr("; the page has no evaluation; to name the data, use --data-dir\n"));
  EXPECT_THAT(page(), AllOf(HasSubstr("<h2>Curves</h2>"), Not(HasSubstr(kEvaluated))));
  EXPECT_EQ(mnist({"report", "run", "--data-dir", "data"}).exit_code, 3) << "data that were named must be there";
}

TEST_F(Report, SaysWhichWeightsItShows) {
  ASSERT_EQ(train({"--epochs", "1", "--lr", "0.001"}).exit_code, 0);
  std::filesystem::remove(folder_ / "lenet.pt");
  const SubprocessResult last = mnist({"report", "run"});
  EXPECT_THAT(last.err, ContainsRegex("the model '.*lenet.pt' of the run is missing, or is another one now: the page "
                                      "shows 'last.pt' of the run\n"));
  EXPECT_THAT(page(), HasSubstr(kEvaluated));

  std::filesystem::remove(folder_ / "run/last.pt");
  const SubprocessResult none = mnist({"report", "run"});
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_THAT(none.err, HasSubstr("the weights of the run are gone: the evaluation is that of the end of the run"));
  EXPECT_THAT(page(), HasSubstr(kEvaluated));

  std::filesystem::remove(folder_ / "run/evaluation.json");
  EXPECT_THAT(mnist({"report", "run"}).err, HasSubstr("the weights of the run are gone: the page has no evaluation\n"));
}

// The label of the last image becomes another one.
void change_last_byte(const std::filesystem::path& file) {
  std::string content = content_of(file);
  content.back() = content.back() == 0 ? 1 : 0;
  std::ofstream(file, std::ios::binary) << content;
}

constexpr const char* kStored = "the evaluation is that of the end of the run";

TEST_F(Report, UsesTheEvaluationOfTheRunOnlyIfItIsOfTheseWeightsAndImages) {
  ASSERT_EQ(train({"--epochs", "1", "--lr", "0.001"}).exit_code, 0);
  const std::filesystem::path file = folder_ / "run/evaluation.json";
  const std::string evaluation = content_of(file);
  const auto is_used = [&](const std::vector<std::string>& further = {}) {
    std::vector<std::string> arguments = {"report", "run"};
    arguments.insert(arguments.end(), further.begin(), further.end());
    const SubprocessResult result = mnist(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(page(), HasSubstr(kEvaluated));
    return result.err.find(kStored) != std::string::npos;
  };
  EXPECT_TRUE(is_used());
  EXPECT_FALSE(is_used({"--data-dir", "data"}));

  std::ofstream(file) << evaluation.substr(0, evaluation.size() / 2);
  EXPECT_FALSE(is_used()) << "damaged";
  std::string other = evaluation;
  other.replace(other.find("\"format_version\":1"), 18, "\"format_version\":2");
  std::ofstream(file) << other;
  EXPECT_FALSE(is_used()) << "of another version";
  std::ofstream(file) << evaluation;
  EXPECT_TRUE(is_used());
  write_small_mnist(folder_ / "data", 200, 40);
  EXPECT_FALSE(is_used()) << "fewer images";
  write_small_mnist(folder_ / "data", 200, 60);
  EXPECT_FALSE(is_used()) << "more images";
  std::filesystem::remove_all(folder_ / "data");
  write_small_mnist(folder_ / "data", 200, 50, /*compressed=*/false);
  EXPECT_TRUE(is_used());
  change_last_byte(folder_ / "data/MNIST/raw/t10k-labels-idx1-ubyte");
  EXPECT_FALSE(is_used()) << "another label";

  write_small_mnist(folder_ / "data", 200, 50, /*compressed=*/false);
  other = evaluation;
  other.replace(other.find("model_sha256") + 15, 8, "00000000");
  std::ofstream(file) << other;
  EXPECT_FALSE(is_used()) << "of another model";
}

TEST_F(Report, WritesItsPartsAsPictures) {
  ASSERT_EQ(train({"--epochs", "1"}).exit_code, 0);
  for (const char* const file : {"run/training_statistics.png", "run/training_batch.png"}) {
    EXPECT_EQ(content_of(folder_ / file).substr(1, 3), "PNG") << file;
  }
  ASSERT_EQ(mnist({"report", "run", "--pictures", "new/pictures"}).exit_code, 0);
  for (const std::string name : {"curves", "confusion", "classes", "mistakes"}) {
    EXPECT_EQ(content_of(folder_ / "new/pictures" / (name + ".png")).substr(1, 3), "PNG") << name;
    EXPECT_THAT(content_of(folder_ / "new/pictures" / (name + ".svg")), HasSubstr("</svg>")) << name;
  }
  ASSERT_EQ(mnist({"report", "lenet.pt", "--pictures", "model"}).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "model/confusion.svg"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "model/curves.svg")) << "a model has no curves";
  EXPECT_EQ(mnist({"report", "run", "--pictures", "lenet.pt/x"}).exit_code, 3);
}

TEST_F(Report, OfAModelIsItsEvaluation) {
  ASSERT_EQ(train({"--epochs", "1"}).exit_code, 0);
  ASSERT_EQ(mnist({"report", "lenet.pt"}).exit_code, 0);
  EXPECT_THAT(page("lenet.html"),
              AllOf(HasSubstr("<h1>lenet.pt: lenet on mnist</h1>"), HasSubstr(kEvaluated),
                    HasSubstr("evaluate --model lenet.pt --data-dir data"), Not(HasSubstr("<h2>Curves</h2>"))));
  EXPECT_THAT(page("lenet.html"), ContainsRegex("SHA-256 of the model</th><td>[0-9a-f]{64}<"));
  EXPECT_EQ(mnist({"report", "lenet.pt", "--output", "lenet.pt"}).exit_code, 2);
  EXPECT_EQ(mnist({"report", "nothing.pt"}).exit_code, 3);
  EXPECT_EQ(mnist({"report"}).exit_code, 2);
}

TEST_F(Report, ReplacesThePageOfTheSameModelAndKeepsAnother) {
  ASSERT_EQ(train({"--epochs", "1"}).exit_code, 0);
  ASSERT_EQ(mnist({"report", "lenet.pt"}).err.find("exists"), std::string::npos);
  EXPECT_THAT(mnist({"report", "lenet.pt"}).err, HasSubstr("'lenet.html' exists: the new page replaces it\n"));
  const std::string first = page("lenet.html");
  std::filesystem::create_directory(folder_ / "other");
  ASSERT_EQ(mnist({"train", "--arch", "lenet", "--epochs", "1", "--seed", "2", "--run-dir", "second", "--output",
                   "other/lenet.pt"})
                .exit_code,
            0);
  const SubprocessResult other = mnist({"report", "other/lenet.pt"});
  ASSERT_EQ(other.exit_code, 0);
  EXPECT_THAT(other.err,
              HasSubstr("the old 'lenet.html' is kept as 'lenet.html.bak': it is not a page of this model or run\n"));
  EXPECT_EQ(page("lenet.html.bak"), first);
  EXPECT_THAT(page("lenet.html"), HasSubstr("other/lenet.pt"));

  // The page of a run, elsewhere.
  ASSERT_EQ(mnist({"report", "run", "--output", "p.html"}).exit_code, 0);
  EXPECT_THAT(mnist({"report", "run", "--output", "p.html"}).err, HasSubstr("'p.html' exists: the new page replaces"));
  EXPECT_THAT(mnist({"report", "second", "--output", "p.html"}).err, HasSubstr("is kept as 'p.html.bak'"));
  EXPECT_THAT(mnist({"report", "run"}).err, Not(HasSubstr("exists"))) << "a run has its page";
}

TEST_F(Report, OfAStoppedRunNamesTheCommandThatResumesIt) {
  EXPECT_EQ(train({"--epochs", "500", "--stop-after", "1s"}).exit_code, 85);
  EXPECT_THAT(page(), AllOf(HasSubstr("interrupted: --stop-after"), ContainsRegex(" train --resume [^<]*/run<"),
                            Not(HasSubstr(kEvaluated))));
}

TEST_F(Report, OfADivergedRunSaysSo) {
  EXPECT_EQ(train({"--epochs", "2", "--lr", "1e6"}).exit_code, 5);
  EXPECT_THAT(page(), AllOf(HasSubstr("class=\"state-diverged\">diverged"), HasSubstr("training diverged: ")));
}

}  // namespace
}  // namespace mnist::test
