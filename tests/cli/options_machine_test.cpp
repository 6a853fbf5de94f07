// Options for the processor and the GPU, --kernels and --cuda-graphs; and the options that have no effect.
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/kernels/kernels.hpp"

#include "options_effect.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(OptionEffect, OptionsWithoutEffectAreNamed) {
  const auto said = [&](const std::string& name, Arguments more) {
    more.insert(more.end(), {"--arch", "lenet", "--epochs", "1"});
    return train(name, more).err;
  };
  const std::string adam = said("adam", {"--optimizer", "adam", "--momentum", "0.9", "--schedule", "one-cycle",
                                         "--step-size", "2", "--warmup-epochs", "1", "--augment", "off"});
  EXPECT_THAT(adam, AllOf(HasSubstr("warning: --momentum has no effect: only --optimizer sgd uses it\n"),
                          HasSubstr("warning: --step-size has no effect: only --schedule step uses it\n"),
                          HasSubstr("warning: --warmup-epochs has no effect: one-cycle has its own warm-up\n"),
                          HasSubstr("warning: --augment has no effect: ")));
  EXPECT_THAT(adam, Not(HasSubstr("--gamma has")));
  EXPECT_THAT(said("gamma", {"--gamma", "0.5"}), HasSubstr("warning: --gamma has no effect: --step-size is 0\n"));
  EXPECT_THAT(said("cropped", {"--augment", "on"}), HasSubstr("warning: --augment has no effect: digits are neither"))
      << "it is the default, and a request all the same";
  EXPECT_THAT(said("none", {"--gamma", "1", "--momentum", "0.9"}), Not(HasSubstr("effect")));
  EXPECT_THAT(said("late", {"--step-size", "1"}),
              HasSubstr("warning: --step-size has no effect: the run has no more epochs than that\n"));
  EXPECT_THAT(said("still", {"--lr", "0"}), HasSubstr("warning: --lr is 0: no weight changes\n"));
  const std::string dry = said("dry", {"--dry-run", "--output", "dry.pt", "--overwrite", "--calibrate", "8"});
  for (const char* option : {"--output", "--overwrite", "--calibrate"}) {
    EXPECT_THAT(dry, HasSubstr(std::string("warning: ") + option + " has no effect: a dry run writes no model\n"));
  }
  // A run's own config.toml says all options, of which these were not chosen.
  Subprocess again = program(MNIST_BINARY, {"--config", "none/config.toml", "train", "--run-dir", "again"});
  again.folder = folder_.path();
  EXPECT_THAT(run(again).err, Not(HasSubstr("effect")));
}

TEST_F(OptionEffect, KernelsThatAreNamedComputeTheRun) {
  const auto with = [&](const std::string& kernels) {
    const SubprocessResult result = train(kernels, {"--epochs", "1", "--batch-size", "8", "--kernels", kernels});
    const std::string used = kernels == "auto" ? usable_kernels().front()->name : kernels;
    EXPECT_THAT(result.err, HasSubstr("kernels " + used + "\n"));
    return weights(kernels);
  };
  const at::Tensor libtorch = with("libtorch");
  std::vector<std::string> names = {"auto"};
  for (const Kernels* kernels : usable_kernels()) names.emplace_back(kernels->name);
  for (const std::string& name : names) {
    const at::Tensor own = with(name);
    EXPECT_FALSE(at::equal(own, libtorch)) << name << " is LibTorch";
    EXPECT_LT(relative(own, libtorch), 1e-2) << name;
  }
  EXPECT_TRUE(at::equal(weights("auto"), weights(usable_kernels().front()->name)));
  EXPECT_EQ(mnist({"train", "--kernels", "sse"}).exit_code, 2);
}

TEST_F(OptionEffect, CudaGraphsChangeNothingOnTheCpu) {
  train("on", {"--arch", "lenet", "--epochs", "1", "--cuda-graphs", "on"});
  train("off", {"--arch", "lenet", "--epochs", "1", "--cuda-graphs", "off"});
  EXPECT_THAT(config("off"), HasSubstr("\ncuda-graphs = \"off\"\n"));
  EXPECT_TRUE(at::equal(weights("on"), weights("off")));
  EXPECT_EQ(mnist({"train", "--cuda-graphs", "yes"}).exit_code, 2);
}

TEST_F(OptionEffect, CudaGraphsRecordStepsOnAGpu) {
  for (const std::string graphs : {"on", "off"}) {
    Subprocess process = program(
        MNIST_BINARY, {"train", "--device", "cuda", "--epochs", "1", "--cuda-graphs", graphs, "--run-dir", graphs},
        {{"CUDA_VISIBLE_DEVICES", ""}});
    process.folder = folder_.path();
    const SubprocessResult result = run(process);
    if (result.exit_code == 4) GTEST_SKIP() << "no GPU: " << result.err;
    ASSERT_EQ(result.exit_code, 0) << result.err;
    if (result.err.find("kernels libtorch") != std::string::npos) GTEST_SKIP() << "no plug-in: " << result.err;
    EXPECT_THAT(result.err, HasSubstr(graphs == "on" ? "kernels cuda, recorded\n" : "kernels cuda\n"));
  }
}

}  // namespace
}  // namespace mnist::test
