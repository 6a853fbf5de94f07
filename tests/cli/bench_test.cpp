// mnist bench, driven as a user drives it, with sizes that take no time: what it prints, skips and refuses.
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/memory_limit.hpp"
#include "support/program.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;
using Json = nlohmann::json;

SubprocessResult bench(Arguments arguments) {
  arguments.insert(arguments.begin(), {"bench", "--device", "cpu", "--seconds", "0.001"});
  return run(program(MNIST_BINARY, arguments));
}

std::vector<Json> objects(Arguments arguments) {
  arguments.insert(arguments.end(), {"--format", "json"});
  const SubprocessResult result = bench(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::vector<Json> all;
  for (const std::string& line : lines_of(result.out)) all.push_back(Json::parse(line));
  return all;
}

std::vector<Json> about(const std::vector<Json>& all, const std::string& bench) {
  std::vector<Json> found;
  for (const Json& each : all) {
    if (each["bench"] == bench) found.push_back(each);
  }
  return found;
}

TEST(Bench, MultipliesMatricesOfEachSizeInATable) {
  const SubprocessResult result = bench({"matmul", "--sizes", "64,32", "--precision", "fp32", "--threads", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> lines = lines_of(result.out);
  ASSERT_GE(lines.size(), 8U) << result.out;
  EXPECT_THAT(lines[0], MatchesRegex("mnist [0-9.]+, LibTorch 2\\.[0-9.]+"));
  EXPECT_THAT(lines[1], StartsWith("CPU: "));
  EXPECT_THAT(lines[2], StartsWith("device: cpu ("));
  EXPECT_EQ(lines[3], "");
  EXPECT_EQ(lines[5], "Device  Precision Threads Matrix Size Memory (GB)     Time (s)     Performance");
  constexpr const char* kRest = " +0\\.000 +[0-9]+\\.[0-9]{6} +[0-9]+\\.[0-9]{2} [KMGTP]?FLOPS";
  EXPECT_THAT(lines[6], MatchesRegex(std::string("cpu +fp32 +1 +32") + kRest));
  EXPECT_THAT(lines[7], MatchesRegex(std::string("cpu +fp32 +1 +64") + kRest));
  for (std::size_t i = 6; i < 8; ++i) EXPECT_EQ(lines[i].size(), lines[5].size()) << "the columns do not line up";
}

TEST(Bench, EveryProductHasItsFiguresInJson) {
  const std::vector<Json> all = objects({"matmul", "--sizes", "32,64", "--threads", "1,2"});
  const std::vector<Json> machine = about(all, "machine");
  ASSERT_EQ(machine.size(), 1U);
  EXPECT_GE(machine[0]["cores"].get<int>(), 1);
  EXPECT_EQ(machine[0]["devices"][0]["device"], "cpu");
  std::set<std::string> settings;
  for (const Json& each : about(all, "matmul")) {
    settings.insert(each["precision"].get<std::string>() + each["threads"].dump() + " " + each["size"].dump());
    const double n = each["size"].get<double>();
    const double seconds = each["seconds"].get<double>();
    EXPECT_GT(seconds, 0);
    EXPECT_LE(each["seconds_low"].get<double>(), seconds);
    EXPECT_GE(each["seconds_high"].get<double>(), seconds);
    EXPECT_GE(each["repetitions"].get<int>(), 3);
    EXPECT_NEAR(each["flops"].get<double>() * seconds / (2 * n * n * n), 1, 1e-9);
    EXPECT_EQ(each["memory_bytes"].get<double>(), 2 * n * n * (each["precision"] == "bf16" ? 2 : 4));
  }
  EXPECT_THAT(settings, ElementsAre("bf161 32", "bf161 64", "bf162 32", "bf162 64", "fp321 32", "fp321 64", "fp322 32",
                                    "fp322 64"));
}

TEST(Bench, TrainsAndInfersWithEachBatchSize) {
  const std::vector<Json> all =
      objects({"train", "infer", "--batch-sizes", "8,4", "--threads", "1,2", "--arch", "lenet,convnet"});
  EXPECT_THAT(about(all, "matmul"), IsEmpty());
  std::map<std::string, std::vector<std::int64_t>> sizes;
  for (const std::string work : {"train", "infer"}) {
    for (const Json& each : about(all, work)) {
      sizes[work + " " + each["arch"].get<std::string>() + " " + each["precision"].get<std::string>() + " " +
            each["threads"].dump()]
          .push_back(each["batch_size"].get<std::int64_t>());
      EXPECT_NEAR(
          each["images_per_second"].get<double>() * each["seconds"].get<double>() / each["batch_size"].get<double>(), 1,
          1e-9);
    }
  }
  // Training in fp32 and bf16, classifying as mnist infer does it, in fp32.
  EXPECT_EQ(sizes.size(), 2U * 2 * 2 + 2 * 2);
  for (const auto& [name, measured] : sizes) EXPECT_THAT(measured, ElementsAre(4, 8)) << name;
  EXPECT_EQ(sizes.count("infer lenet fp32 2"), 1U);
  EXPECT_EQ(sizes.count("infer lenet bf16 2"), 0U);
}

TEST(Bench, EndsInAdviceOnAllThatWasVaried) {
  const std::vector<Json> all = objects({"train", "--batch-sizes", "4,8", "--threads", "1,2", "--arch", "lenet"});
  EXPECT_EQ(all.back()["bench"], "advice");
  std::vector<std::string> topics;
  for (const Json& each : about(all, "advice")) {
    if (each["topic"] == "noise") GTEST_SKIP() << "no advice: " << each["text"];
    topics.push_back(each["topic"]);
    EXPECT_EQ(each["about"], "train lenet on cpu");
    EXPECT_THAT(each["text"].get<std::string>(), Not(IsEmpty()));
  }
  EXPECT_THAT(topics, ElementsAre("threads", "precision", "batch size", "processes"));
  EXPECT_THAT(bench({"train", "--batch-sizes", "4,8", "--threads", "1", "--arch", "lenet"}).out,
              AllOf(HasSubstr("\nAdvice\n"), AnyOf(HasSubstr("\n  --batch-size "), HasSubstr("\n  noise "))));
}

TEST(Bench, TheKernelsThatAreNamedCompute) {
  EXPECT_THAT(about(objects({"train", "--batch-sizes", "4", "--threads", "1", "--kernels", "libtorch"}), "train"),
              ::testing::SizeIs(2));
}

TEST(Bench, WithoutNamesAllAreMeasured) {
  const SubprocessResult result =
      bench({"--sizes", "16", "--batch-sizes", "2", "--threads", "1", "--precision", "fp32", "--arch", "lenet"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* head : {"\nmatmul: ", "\ntrain: ", "\ninfer: "}) EXPECT_THAT(result.out, HasSubstr(head));
}

TEST(Bench, WhatDoesNotFitIntoTheMemoryIsSkipped) {
  if (!kMemoryIsCounted) GTEST_SKIP() << "the sanitizers' allocator ends the program instead of throwing";
  const Arguments arguments = {"matmul", "--sizes", "16,1000000", "--precision", "fp32"};
  const SubprocessResult text = bench(arguments);
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(lines_of(text.out), Contains(MatchesRegex("cpu +fp32 +[0-9]+ +16 .*FLOPS")));
  EXPECT_THAT(lines_of(text.out),
              Contains(MatchesRegex("cpu +fp32 +[0-9]+ +1000000 skipped: out of memory: [0-9.]+ [MGT]iB were free")));
  const std::vector<Json> products = about(objects(arguments), "matmul");
  ASSERT_EQ(products.size(), 2U);
  EXPECT_FALSE(products[0].contains("skipped"));
  EXPECT_THAT(products[1]["skipped"].get<std::string>(), StartsWith("out of memory"));
  EXPECT_FALSE(products[1].contains("flops"));
}

// Of memory that the system would hand out and that is not there.
TEST(Bench, ABatchThatDoesNotFitIntoTheMemoryIsSkippedToo) {
  if (!kMemoryIsCounted) GTEST_SKIP() << "the sanitizers' allocator ends the program instead of throwing";
  const std::vector<Json> all = about(
      objects({"train", "--arch", "resnet18", "--batch-sizes", "1,1000000", "--threads", "1", "--precision", "fp32"}),
      "train");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_GT(all[0]["images_per_second"].get<double>(), 0);
  EXPECT_THAT(all[1]["skipped"].get<std::string>(), StartsWith("out of memory"));
}

TEST(Bench, NothingMeasuredIsAnError) {
  if (!kMemoryIsCounted) GTEST_SKIP() << "the sanitizers' allocator ends the program instead of throwing";
  const SubprocessResult result = bench({"matmul", "--sizes", "1000000", "--precision", "fp32"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("nothing was measured"), HasSubstr("hint: use smaller --sizes")));
}

TEST(Bench, DrawsThePictureThatIsNamed) {
  const TemporaryFolder folder;
  const std::string plot = (folder / "pictures/scaling.png").string();
  const SubprocessResult result = bench({"matmul", "--sizes", "16,32", "--plot", plot});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(content_of(plot), StartsWith("\x89PNG"));
  EXPECT_THAT(result.err, HasSubstr(plot));
}

TEST(Bench, ListsCanComeFromTheConfigFile) {
  const TemporaryFolder folder;
  write_file(folder / "bench.toml", "[bench]\nsizes = [16, 32]\nthreads = [1]\nprecision = 'fp32'\n");
  const std::vector<Json> all = about(objects({"matmul", "--config", (folder / "bench.toml").string()}), "matmul");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1]["size"], 32);
}

TEST(Bench, ANameMayStandBehindAnOption) {
  EXPECT_EQ(about(objects({"--threads", "1", "--sizes", "16", "matmul"}), "matmul").size(), 2U);
}

struct BenchMistake {
  const char* name;
  Arguments arguments;
  std::string error;
  std::string hint;
};

std::ostream& operator<<(std::ostream& out, const BenchMistake& mistake) {
  return out << mistake.name;
}

class BenchMistakes : public ::testing::TestWithParam<BenchMistake> {};

TEST_P(BenchMistakes, AreAnsweredBeforeAnythingIsMeasured) {
  const SubprocessResult result = bench(GetParam().arguments);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_EQ(result.err, "error: " + GetParam().error + "\nhint: " + GetParam().hint + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    All, BenchMistakes,
    ::testing::Values(BenchMistake{"name", {"matmull"}, "NAME cannot be 'matmull'", "did you mean 'matmul'?"},
                      BenchMistake{"another command",
                                   {"evaluate"},
                                   "NAME cannot be 'evaluate'",
                                   "choose one of: matmul, train, infer"},
                      BenchMistake{"size that is no number",
                                   {"--sizes", "64,big"},
                                   "--sizes must be an integer from 1 to 1,000,000, is 'big'",
                                   "give a number in that range"},
                      BenchMistake{"size of 0",
                                   {"--sizes", "0"},
                                   "--sizes must be an integer from 1 to 1,000,000, is '0'",
                                   "give a number in that range"},
                      BenchMistake{"size beyond all memory",
                                   {"--sizes", "64,2000000"},
                                   "--sizes must be an integer from 1 to 1,000,000, is '2000000'",
                                   "give a number in that range"},
                      BenchMistake{"no size", {"--sizes"}, "--sizes needs a value", "see: mnist bench --help"},
                      BenchMistake{"batch size",
                                   {"--batch-sizes", "-1"},
                                   "--batch-sizes must be an integer from 1 to 1,000,000, is '-1'",
                                   "give a number in that range"},
                      BenchMistake{"precision",
                                   {"--precision", "fp32,fp16"},
                                   "--precision cannot be 'fp16'",
                                   "choose one of: fp32, tf32, bf16"},
                      BenchMistake{"tf32 on the CPU",
                                   {"--precision", "tf32"},
                                   "cpu does not support tf32; NVIDIA GPUs of compute capability 8.0 or later do",
                                   "omit --precision, or use fp32"},
                      BenchMistake{"network", {"--arch", "cnm"}, "--arch cannot be 'cnm'", "did you mean 'cnn'?"},
                      BenchMistake{"picture of another kind",
                                   {"--plot", "plot.jpg"},
                                   "--plot 'plot.jpg' ends neither in .png nor in .svg",
                                   "the picture is written as PNG or SVG: give a name with one of these endings"},
                      BenchMistake{"picture of nothing",
                                   {"train", "--plot", "plot.png"},
                                   "--plot draws the figures of matmul, which is not selected",
                                   "add matmul, or omit --plot"}));

}  // namespace
}  // namespace mnist::test
