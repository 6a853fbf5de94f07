// `mnist runs` and `mnist compare`, on folders as runs leave them.
#include <map>
#include <set>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/program.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct MadeRun {
  std::string name;
  int seed = 1;
  int correct = 9000;  // of 10,000, after 2 epochs
  std::string lr = "1";
  std::string outcome = "finished";
  std::string arch = "cnn";
  int limit_batches = 0;
};

class RunLists : public ::testing::Test {
 protected:
  void make(const MadeRun& run) const {
    nlohmann::json manifest = {
        {"outcome", run.outcome},
        {"arch", run.arch},
        {"dataset", "mnist"},
        {"seed", run.seed},
        {"device", "cpu (2 threads)"},
        {"precision", "fp32"},
        {"seconds", 83},
        {"started", "2026-01-0" + std::to_string(run.seed)},
        {"result", {{"epochs", 2}, {"epoch", 2}, {"test_loss", 0.25}, {"correct", run.correct}, {"total", 10000}}},
        {"sessions", {{{"outcome", run.outcome}}}}};
    const std::filesystem::path folder = folder_ / "runs" / run.name;
    write_file(folder / "manifest.json", manifest.dump());
    write_file(folder / "config.toml", "[train]\nepochs = 2\nlr = " + run.lr + "\nseed = " + std::to_string(run.seed) +
                                           "\noutput = \"" + run.name + ".pt\"\nlimit-batches = " +
                                           std::to_string(run.limit_batches) + "\ntest-batch-size = 1000\n");
    const double accuracy = run.correct / 10000.0;
    write_file(folder / "metrics.csv",
               "kind,epoch,step,lr,loss,correct,total,accuracy,train_loss,train_accuracy\ntest,1,,1,0.5,1,2,0.5,1,0.5\n"
               "test,2,,1,0.25,1,2," +
                   std::to_string(accuracy) + ",1,0.5\n");
  }

  SubprocessResult call(const Arguments& arguments, const std::map<std::string, std::string>& changes = {}) const {
    Subprocess subprocess = program(MNIST_BINARY, arguments);
    for (const auto& [name, value] : changes) subprocess.changes[name] = value;
    subprocess.folder = folder_.path();
    return run(subprocess);
  }

  TemporaryFolder folder_;
};

TEST_F(RunLists, HasALinePerRun) {
  make({.name = "cnn-1", .seed = 1, .correct = 9000});
  make({.name = "cnn-2", .seed = 3, .correct = 8000, .outcome = "diverged: the loss is nan"});
  make({.name = "lenet-1", .seed = 2, .correct = 9500, .outcome = "running", .arch = "lenet"});
  std::filesystem::create_directory(folder_ / "runs" / "no run");
  EXPECT_EQ(call({"runs"}).out,
            "run           network  data   epochs     best  time  device  state\n"
            "runs/cnn-2    cnn      mnist     2/2  80.00 %  1:23  cpu     diverged\n"
            "runs/lenet-1  lenet    mnist     2/2  95.00 %  1:23  cpu     interrupted\n"
            "runs/cnn-1    cnn      mnist     2/2  90.00 %  1:23  cpu     finished\n");
  EXPECT_EQ(call({"runs", "--arch", "cnn", "--state", "finished", "--format", "csv"}).out,
            "run,state,arch,dataset,seed,epochs,planned_epochs,best_accuracy,best_epoch,accuracy,test_loss,seconds,"
            "images_per_second,device,precision,started,model,limit_batches\n"
            "runs/cnn-1,finished,cnn,mnist,1,2,2,0.9,2,0.9,0.25,83.0,,cpu (2 threads),fp32,2026-01-01,,0\n");
  const std::string sorted = call({"runs", "--sort", "accuracy", "runs/cnn-1", "runs/lenet-1"}).out;
  EXPECT_LT(sorted.find("lenet-1"), sorted.find("cnn-1"));
  const auto json = nlohmann::json::parse(call({"runs", "--format", "json", "runs/cnn-2"}).out);
  EXPECT_EQ(json["state"], "diverged");
  EXPECT_EQ(json["best_accuracy"], 0.8);
  EXPECT_TRUE(json["model"].is_null());
}

TEST_F(RunLists, AccuraciesOfAPartAreMarked) {
  make({.name = "all", .seed = 1});
  make({.name = "part", .seed = 2, .correct = 8000, .limit_batches = 10});
  make({.name = "enough", .seed = 3, .limit_batches = 11});  // the 10,000 images are 10 batches
  const std::string note = "* on a part of the test images (--limit-batches)\n";
  EXPECT_EQ(call({"runs"}).out,
            "run          network  data   epochs      best  time  device  state\n"
            "runs/enough  cnn      mnist     2/2  90.00 %   1:23  cpu     finished\n"
            "runs/part    cnn      mnist     2/2  80.00 %*  1:23  cpu     finished\n"
            "runs/all     cnn      mnist     2/2  90.00 %   1:23  cpu     finished\n" +
                note);
  EXPECT_THAT(call({"compare", "runs/all", "runs/part"}).out,
              AllOf(HasSubstr("best accuracy   90.00 %  80.00 %*\n"), HasSubstr("fp32\n" + note)));
  EXPECT_THAT(call({"compare", "runs/all", "runs/enough"}).out, Not(HasSubstr("*")));
  const auto json = nlohmann::json::parse(call({"runs", "--format", "json", "runs/part"}).out);
  EXPECT_EQ(json["limit_batches"], 10);
}

TEST_F(RunLists, SaysWhatIsNotListed) {
  EXPECT_THAT(call({"runs"}).err, HasSubstr("there are no runs here"));
  make({.name = "cnn-1"});
  write_file(folder_ / "runs" / "cnn-2" / "manifest.json", "{");
  const SubprocessResult result = call({"runs"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("cnn-1"));
  EXPECT_THAT(result.err, HasSubstr("the manifest 'runs/cnn-2/manifest.json' is damaged; it is not listed"));
  EXPECT_EQ(call({"runs", "nowhere"}).exit_code, 3);
}

TEST_F(RunLists, AreComparedSideBySide) {
  make({.name = "a", .seed = 1, .correct = 9000});
  make({.name = "b", .seed = 2, .correct = 9200});
  make({.name = "c", .seed = 1, .correct = 9900, .lr = "0.5"});
  const std::string text = call({"compare", "runs/a", "runs/b", "runs/c"}).out;
  EXPECT_THAT(text, HasSubstr("option  a  b    c\n--lr    1  1  0.5\n--seed  1  2    1\n"));
  EXPECT_THAT(text, HasSubstr("accuracy        90.00 %   92.00 %   99.00 %\n"));
  // The mean of 90 and 92 and their sample deviation, the root of 2; the third run has another learning rate.
  EXPECT_THAT(text, HasSubstr("a, b (seeds 1, 2): accuracy 91.00 ± 1.41 %, test loss 0.2500 ± 0.0000\n"));
  EXPECT_THAT(text, Not(HasSubstr("output"))) << "the name of the model is no difference of the runs";
  const auto json = nlohmann::json::parse(call({"compare", "runs/a", "runs/b", "--format", "json"}).out);
  EXPECT_EQ(json["options"]["seed"], nlohmann::json({"1", "2"}));
  EXPECT_NEAR(json["seeds"][0]["accuracy_sd"].get<double>(), 0.0141421, 1e-6);
}

TEST_F(RunLists, AreDrawnInOnePicture) {
  make({.name = "one"});
  make({.name = "two", .seed = 2});
  const Arguments both = {"compare", "runs/one", "runs/two", "--curves"};
  const auto with = [&](const std::string& file) {
    Arguments arguments = both;
    arguments.push_back(file);
    return call(arguments);
  };
  EXPECT_EQ(with("both.svg").exit_code, 0);
  EXPECT_THAT(content_of(folder_ / "both.svg"), HasSubstr("</svg>"));
  EXPECT_EQ(with("both.png").exit_code, 0);
  EXPECT_EQ(content_of(folder_ / "both.png").substr(1, 3), "PNG");
  const SubprocessResult other = with("both.jpg");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("ends neither in .png nor in .svg"));
}

TEST_F(RunLists, TheSameSeedTwiceIsNoSpread) {
  make({.name = "a"});
  make({.name = "b"});
  make({.name = "c", .seed = 2, .correct = 9200});
  EXPECT_THAT(call({"compare", "runs/a", "runs/b", "runs/c"}).out,
              HasSubstr("a, c (seeds 1, 2): accuracy 91.00 ± 1.41"));
  const SubprocessResult result = call({"compare", "runs/a", "runs/b"});
  EXPECT_THAT(result.out, HasSubstr("The runs have the same options\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("seeds")));
  EXPECT_THAT(call({"compare", "runs/a"}).err,
              HasSubstr("compare needs at least two runs, and one is given\nhint: give their folders"));
  EXPECT_EQ(call({"compare", "runs"}).out, call({"compare", "runs/a", "runs/b", "runs/c"}).out);
}

TEST_F(RunLists, ManyRunsAreComparedInParts) {
  Arguments arguments = {"compare"};
  for (int i = 1; i <= 9; ++i) {
    make({.name = "a-run-with-a-long-name-" + std::to_string(i), .seed = i});
    arguments.push_back("runs/a-run-with-a-long-name-" + std::to_string(i));
  }
  const std::string text = call(arguments, {{"COLUMNS", "80"}}).out;
  std::istringstream lines(text.substr(0, text.find("Mean")));
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(line.size(), 80U + 2 * 9) << "… has three bytes: " << line;
  EXPECT_THAT(text, HasSubstr("(seeds 1, 2, 3, 4, 5, 6, 7, 8, 9): "));
  std::size_t cells = 0;
  for (std::size_t at = text.find("90.00 %"); at != std::string::npos; at = text.find("90.00 %", at + 1)) ++cells;
  EXPECT_EQ(cells, 9U * 2) << "each run has two accuracies";
}

TEST_F(RunLists, EqualValuesOfAComparisonLookEqual) {
  const std::string rate = "\"a-value-that-is-long\"";
  Arguments arguments = {"compare"};
  for (int i = 1; i <= 4; ++i) {
    const std::string name = std::string(static_cast<std::size_t>(3 * i), 'n') + std::to_string(i);
    make({.name = name, .seed = i, .lr = i == 1 ? "\"another\"" : rate});
    arguments.push_back("runs/" + name);
  }
  EXPECT_THAT(call(arguments).out, HasSubstr("--lr    another  a-value-that-is-long  a-value-that-is-long  "
                                             "a-value-that-is-long\n"))
      << "in a pipe nothing is shortened";
  for (int columns = 40; columns < 80; ++columns) {
    const std::string text = call(arguments, {{"COLUMNS", std::to_string(columns)}}).out;
    std::istringstream words(text.substr(text.find("--lr")));
    std::string word;
    words >> word >> word;
    std::set<std::string> shown;
    while (words >> word && word != "--seed") shown.insert(word);
    EXPECT_EQ(shown.size(), 1U) << columns << " columns\n" << text;
  }
}

}  // namespace
}  // namespace mnist::test
