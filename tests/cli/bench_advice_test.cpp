// What `mnist bench` advises, as a function of figures that are made up here.
#include "bench_advice.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench_output.hpp"

namespace mnist::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

BatchFigure batch(int threads, const std::string& precision, std::int64_t size, double images_per_second,
                  const std::string& arch = "cnn") {
  const double seconds = static_cast<double>(size) / images_per_second;
  return {arch, {threads > 0 ? "cpu" : "cuda:0", precision, threads}, size, {seconds, seconds, seconds, 3}};
}

ProductFigure product(const std::string& device, const std::string& precision, std::int64_t size, double flops,
                      int threads = 2) {
  ProductFigure figure{{device, precision, device == "cpu" ? threads : 0}, size, {}};
  figure.timing.seconds = figure.operations() / flops;
  return figure;
}

std::vector<Advice> of_training(const std::vector<BatchFigure>& figures) {
  return advice({.training = figures});
}

std::vector<Advice> of_inference(const std::vector<BatchFigure>& figures) {
  return advice({.inference = figures});
}

std::vector<Advice> of_products(const std::vector<ProductFigure>& figures) {
  return advice({.products = figures});
}

// The first on that topic; empty where there is none.
Advice on(const std::vector<Advice>& all, const std::string& topic) {
  const auto found = std::ranges::find(all, topic, &Advice::topic);
  return found == all.end() ? Advice() : *found;
}

TEST(BenchAdvice, OfNothingThereIsNone) {
  EXPECT_THAT(advice({}), IsEmpty());
}

TEST(BenchAdvice, WhatHasNoAlternativeIsNotAdvisedOn) {
  EXPECT_THAT(of_training({batch(2, "fp32", 64, 5000)}), IsEmpty());
  EXPECT_THAT(of_inference({batch(2, "fp32", 1, 5000)}), IsEmpty());
  EXPECT_THAT(of_products({product("cpu", "fp32", 1024, 1e11)}), IsEmpty());
}

// ---- threads

TEST(BenchAdvice, AllThreadsWhereTheyAreTheFastest) {
  const Advice threads = on(of_training({batch(1, "fp32", 64, 3000), batch(2, "fp32", 64, 5220)}), "threads");
  EXPECT_EQ(threads.about, "train cnn on cpu");
  EXPECT_EQ(threads.options, "--threads 2");
  EXPECT_EQ(threads.text, "2 are 1.74 times as fast as 1 (5,220 images/s and 3,000 images/s)");
}

TEST(BenchAdvice, FewerThreadsWhereMoreGainLessThanATwentieth) {
  const auto options = [](double four, double eight) {
    return on(of_training({batch(8, "fp32", 64, eight), batch(1, "fp32", 64, 1000), batch(4, "fp32", 64, four)}),
              "threads")
        .options;
  };
  EXPECT_EQ(options(3800, 3900), "--threads 4") << "0.974 of the best";
  EXPECT_EQ(options(3800, 4100), "--threads 8") << "0.927 of the best";
  EXPECT_EQ(options(3800, 2000), "--threads 4") << "eight are slower";
  EXPECT_EQ(options(900, 800), "--threads 1");
}

TEST(BenchAdvice, SaysHowMuchMoreThreadsMakeWhereFewerAreEnough) {
  EXPECT_EQ(on(of_training({batch(1, "fp32", 64, 1000), batch(2, "fp32", 64, 800)}), "threads").text,
            "1 is enough: 2 are 0.80 times as fast as 1 (800 images/s and 1,000 images/s)");
}

TEST(BenchAdvice, ThreadsAreComparedAtTheUsualBatchSize) {
  // cnn's is 64: there 2 threads gain nothing.
  const Advice threads = on(of_training({batch(1, "fp32", 64, 1000), batch(2, "fp32", 64, 1000),
                                         batch(1, "fp32", 256, 1000), batch(2, "fp32", 256, 2000)}),
                            "threads");
  EXPECT_EQ(threads.options, "--threads 1");
}

TEST(BenchAdvice, WithoutTheUsualBatchSizeTheNextSmallerOneCounts) {
  const auto options = [](std::int64_t size) {
    return on(of_training({batch(1, "fp32", size, 1000), batch(2, "fp32", size, 1000), batch(1, "fp32", 512, 1000),
                           batch(2, "fp32", 512, 2000)}),
              "threads")
        .options;
  };
  EXPECT_EQ(options(32), "--threads 1") << "32, not 512, stands for 64";
  EXPECT_EQ(options(128), "--threads 1") << "none is smaller, so the smallest";
}

TEST(BenchAdvice, OnAGpuThreadsAndProcessesHaveNoSay) {
  const auto all = of_training({batch(0, "fp32", 64, 1000), batch(0, "fp32", 256, 2000)});
  EXPECT_EQ(on(all, "threads").topic, "");
  EXPECT_EQ(on(all, "processes").topic, "");
  EXPECT_EQ(on(all, "batch size").about, "train cnn on cuda:0");
}

// ---- precision

TEST(BenchAdvice, AFasterPrecisionIsTaken) {
  const Advice precision = on(of_training({batch(2, "bf16", 64, 6000), batch(2, "fp32", 64, 4000)}), "precision");
  EXPECT_EQ(precision.options, "--precision bf16");
  EXPECT_EQ(precision.text, "bf16 is 1.50 times as fast as fp32 (6,000 images/s and 4,000 images/s)");
}

TEST(BenchAdvice, TheMoreExactPrecisionWhereOthersGainLittle) {
  const auto precision = [](double fp32, double tf32, double bf16) {
    return on(of_training({batch(0, "fp32", 64, fp32), batch(0, "tf32", 64, tf32), batch(0, "bf16", 64, bf16)}),
              "precision");
  };
  EXPECT_EQ(precision(1000, 1040, 1050).options, "--precision fp32");
  EXPECT_EQ(precision(1000, 1980, 2000).options, "--precision tf32");
  EXPECT_EQ(precision(1000, 1500, 2000).options, "--precision bf16");
  const Advice slower = precision(1000, 700, 500);
  EXPECT_EQ(slower.options, "--precision fp32");
  EXPECT_THAT(slower.text, StartsWith("tf32 is 0.70 times as fast as fp32"));
}

// ---- batch size

TEST(BenchAdvice, TheSmallestBatchWithinATwentiethOfTheBest) {
  const auto options = [](double first, double second, double third) {
    return on(of_training({batch(2, "fp32", 256, third), batch(2, "fp32", 64, first), batch(2, "fp32", 128, second)}),
              "batch size")
        .options;
  };
  EXPECT_EQ(options(960, 980, 1000), "--batch-size 64");
  EXPECT_EQ(options(940, 960, 1000), "--batch-size 128");
  EXPECT_EQ(options(500, 900, 1000), "--batch-size 256");
  EXPECT_EQ(options(1000, 500, 400), "--batch-size 64");
}

TEST(BenchAdvice, ABatchSizeSaysWhatTheBestRateIs) {
  const auto text = [](double first, double second) {
    return on(of_training({batch(2, "fp32", 64, first), batch(2, "fp32", 128, second)}), "batch size").text;
  };
  EXPECT_THAT(text(960, 1000),
              StartsWith("64 is the smallest with 95 % of the best rate (960 images/s, 1,000 images/s with 128); "));
  EXPECT_THAT(text(500, 1000), StartsWith("128 is the smallest with 95 % of the best rate (1,000 images/s); "));
}

TEST(BenchAdvice, ABatchSizeIsChosenForThePrecisionThatIsTaken) {
  const Advice size = on(of_training({batch(2, "fp32", 64, 1000), batch(2, "fp32", 128, 1500),
                                      batch(2, "bf16", 64, 2000), batch(2, "bf16", 128, 2000)}),
                         "batch size");
  EXPECT_EQ(size.options, "--batch-size 64");
}

// ---- processes

TEST(BenchAdvice, ASecondProcessPaysWhereTwoHalvesMakeATenthMore) {
  const auto processes = [](double one_thread) {
    return on(of_training({batch(1, "fp32", 64, one_thread), batch(2, "fp32", 64, 5000)}), "processes");
  };
  const Advice pays = processes(2800);
  EXPECT_EQ(pays.options, "--procs 2");
  EXPECT_EQ(
      pays.text,
      "a second process may be faster: 2 of 1 thread would make 5,600 images/s at most, 1.12 times as many as one of 2 "
      "threads");
  const Advice does_not = processes(2700);
  EXPECT_EQ(does_not.options, "");
  EXPECT_THAT(does_not.text, StartsWith("one process is enough: 2 of 1 thread would make 5,400 images/s at most"));
}

TEST(BenchAdvice, EachProcessHasItsPartOfTheBatch) {
  // 64 for two are 32 for each, at which one thread is slower than at 64.
  const Advice processes = on(
      of_training({batch(1, "fp32", 32, 2000), batch(1, "fp32", 64, 2800), batch(2, "fp32", 64, 5000)}), "processes");
  EXPECT_EQ(processes.options, "");
  EXPECT_THAT(processes.text, HasSubstr("4,000 images/s"));
}

TEST(BenchAdvice, AsManyProcessesAsMakeTheMost) {
  const auto options = [](double one, double four) {
    return on(of_training({batch(1, "fp32", 64, one), batch(4, "fp32", 64, four), batch(8, "fp32", 64, 4000)}),
              "processes")
        .options;
  };
  EXPECT_EQ(options(1000, 3000), "--procs 8");
  EXPECT_EQ(options(700, 3000), "--procs 2");
  EXPECT_EQ(options(500, 2100), "");
}

TEST(BenchAdvice, ProcessesAreComparedWithOneAtItsBest) {
  // Where two threads are slower than one, twice one thread is still no more than twice.
  const Advice processes = on(of_training({batch(1, "fp32", 64, 2000), batch(2, "fp32", 64, 200)}), "processes");
  EXPECT_THAT(processes.text, HasSubstr("2.00 times as many as one of 1 thread"));
}

TEST(BenchAdvice, ThreadsThatDoNotDivideAllAreNoProcesses) {
  EXPECT_EQ(on(of_training({batch(2, "fp32", 64, 4000), batch(3, "fp32", 64, 5000)}), "processes").topic, "");
}

// ---- inference

TEST(BenchAdvice, InferenceTellsOfOneImageAndOfMany) {
  const auto all = of_inference({batch(1, "fp32", 1, 4000), batch(1, "fp32", 64, 8000), batch(2, "fp32", 1, 4000),
                                 batch(2, "fp32", 64, 15000), batch(2, "fp32", 256, 15100)});
  const Advice size = on(all, "batch size");
  EXPECT_EQ(size.about, "infer cnn on cpu");
  EXPECT_EQ(size.options, "--batch-size 64");
  EXPECT_THAT(size.text, HasSubstr("one image alone takes 0.25 ms"));
  std::vector<std::string> threads;
  for (const Advice& each : all) {
    if (each.topic == "threads") threads.push_back(each.about + ": " + each.options);
  }
  EXPECT_THAT(threads, ::testing::ElementsAre("infer cnn on cpu: --threads 2",
                                              "infer cnn on cpu, one image at a time: --threads 1"));
  EXPECT_EQ(on(all, "processes").topic, "");
}

TEST(BenchAdvice, InferIsGivenNoPrecisionThatItDoesNotTake) {
  const Advice precision = on(of_inference({batch(2, "fp32", 64, 1000), batch(2, "bf16", 64, 2000)}), "precision");
  EXPECT_THAT(precision.text, HasSubstr("bf16 is 2.00 times as fast"));
  EXPECT_THAT(precision.text, HasSubstr("mnist evaluate"));
  EXPECT_EQ(precision.options, "");
}

TEST(BenchAdvice, NetworksAreToldApart) {
  const auto all = of_training({batch(2, "fp32", 64, 1000), batch(2, "fp32", 128, 2000),
                                batch(2, "fp32", 4, 10, "resnet18"), batch(2, "fp32", 8, 10, "resnet18")});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].about + all[0].options, "train cnn on cpu--batch-size 128");
  EXPECT_EQ(all[1].about + all[1].options, "train resnet18 on cpu--batch-size 4");
}

// ---- matrices

TEST(BenchAdvice, TheFasterDeviceIsTakenInTheSamePrecision) {
  const Advice device = on(of_products({product("cpu", "fp32", 1024, 1e11), product("cpu", "fp32", 2048, 2e11),
                                        product("cuda:0", "fp32", 2048, 5e13), product("cuda:0", "bf16", 2048, 5e14)}),
                           "device");
  EXPECT_EQ(device.options, "--device cuda:0");
  EXPECT_EQ(device.text, "cuda:0 is 250.00 times as fast as cpu (50.00 TFLOPS and 200.00 GFLOPS)");
}

TEST(BenchAdvice, PrecisionsOfADeviceAreComparedAtTheirBestSize) {
  const Advice precision = on(of_products({product("cpu", "fp32", 1024, 3e11), product("cpu", "fp32", 2048, 2e11),
                                           product("cpu", "bf16", 1024, 4e11), product("cpu", "bf16", 2048, 6e11)}),
                              "precision");
  EXPECT_EQ(precision.about, "matmul on cpu");
  EXPECT_EQ(precision.options, "--precision bf16");
  EXPECT_THAT(precision.text, StartsWith("bf16 is 2.00 times"));
}

TEST(BenchAdvice, MatricesHaveThreadsToo) {
  const Advice threads =
      on(of_products({product("cpu", "fp32", 1024, 2e11, 2), product("cpu", "fp32", 1024, 1e11, 1)}), "threads");
  EXPECT_EQ(threads.options, "--threads 2");
}

// ---- noise

TEST(BenchAdvice, OtherWorkIsToldOfAndTakesThePlaceOfAdvice) {
  BenchFigures figures;
  figures.cores = 2;
  figures.training = {batch(2, "fp32", 64, 1000), batch(2, "fp32", 128, 1000)};
  figures.free_cores = 1.8;
  EXPECT_EQ(advice(figures).front().topic, "batch size");
  figures.free_cores = 0.5;
  const std::vector<Advice> noise = advice(figures);
  ASSERT_EQ(noise.size(), 1);
  EXPECT_EQ(noise.front().topic, "noise");
  EXPECT_EQ(noise.front().options, "");
  EXPECT_THAT(noise.front().text, AllOf(HasSubstr("1.5 of 2 cores busy"), HasSubstr("repeat the measurement when")));
  figures.free_cores.reset();
  EXPECT_EQ(advice(figures).front().topic, "batch size");
}

// ---- how figures are written

TEST(BenchOutput, FlopsAreScaledByThousands) {
  EXPECT_EQ(flops_text(0), "0.00 FLOPS");
  EXPECT_EQ(flops_text(999.99), "999.99 FLOPS");
  EXPECT_EQ(flops_text(1e3), "1.00 KFLOPS");
  EXPECT_EQ(flops_text(97.88e9), "97.88 GFLOPS");
  EXPECT_EQ(flops_text(25.98e12), "25.98 TFLOPS");
  EXPECT_EQ(flops_text(1.5e15), "1.50 PFLOPS");
  EXPECT_EQ(flops_text(2e22), "20000.00 EFLOPS");
}

TEST(BenchOutput, ScalingLooksAtWhatIsWritten) {
  EXPECT_EQ(flops_text(999.994e9), "999.99 GFLOPS");
  EXPECT_EQ(flops_text(999.996e9), "1.00 TFLOPS");
}

TEST(BenchOutput, MemoryIsScaledBy1024) {
  EXPECT_EQ(memory_text(0), "0.0 B");
  EXPECT_EQ(memory_text(1536), "1.5 KiB");
  EXPECT_EQ(memory_text(21.25 * (1U << 30)), "21.2 GiB");
}

TEST(BenchOutput, AProductIsTwoMatricesOfItsType) {
  EXPECT_EQ(product("cpu", "fp32", 1024, 1).memory(), 2 * 1024 * 1024 * 4);
  EXPECT_EQ(product("cpu", "bf16", 1024, 1).memory(), 2 * 1024 * 1024 * 2);
  const std::string row = product_line(product("cpu", "fp32", 8192, 1e12), "", BenchForm::text);
  EXPECT_EQ(row, "cpu     fp32            2        8192       0.500     1.099512     1.00 TFLOPS\n");
}

TEST(BenchOutput, AdviceIsGroupedByWhatItIsAbout) {
  EXPECT_EQ(
      advice_lines({{"a", "threads", "because", "--threads 2"}, {"a", "processes", "no", ""}, {"b", "noise", "x", ""}},
                   BenchForm::text),
      "\nAdvice\n"
      "a:\n"
      "  --threads 2       because\n"
      "  processes         no\n"
      "b:\n"
      "  noise             x\n");
  EXPECT_EQ(advice_lines({}, BenchForm::text), "");
}

}  // namespace
}  // namespace mnist::cli
