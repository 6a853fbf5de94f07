// mnist export: which files it writes, which it keeps, and what it refuses.
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/sha256.hpp"
#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"

#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Arguments = std::vector<std::string>;

Recipe lenet_recipe() {
  Recipe recipe{.arch = "lenet", .preprocessing = model_info("lenet").preprocessing};
  for (int i = 0; i < 10; ++i) recipe.class_names.push_back("number " + std::to_string(i));
  recipe.temperature = 1.5;
  return recipe;
}

class Export : public ::testing::Test {
 protected:
  Export() { write_model("lenet.pt", 1); }

  void write_model(const std::string& name, std::uint64_t seed) {
    write_model_file(folder_ / name, state_dict(*make_network(model_info("lenet"), 10, seed)), lenet_recipe());
  }

  SubprocessResult mnist(const Arguments& arguments, const std::string& input = "") {
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    process.input = input;
    return run(process);
  }

  // `mnist export --model lenet.pt ...`
  SubprocessResult exported(const Arguments& arguments) {
    Arguments all = {"export", "--model", "lenet.pt"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return mnist(all);
  }

  void expect_refused(const Arguments& arguments, int code, const std::string& error, const std::string& hint) {
    const SubprocessResult result = exported(arguments);
    EXPECT_EQ(result.exit_code, code) << error;
    EXPECT_THAT(result.err, AllOf(HasSubstr("error: " + error), HasSubstr("\nhint: "), HasSubstr(hint)));
    EXPECT_THAT(result.out, IsEmpty());
  }

  std::string content(const std::string& name) const { return content_of(folder_ / name); }

  TemporaryFolder folder_;
};

TEST_F(Export, WritesOnnx) {
  const SubprocessResult result = exported({"--output", "models/a.onnx"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, AllOf(HasSubstr("new folder: 'models'\n"), HasSubstr("ONNX model: 'models/a.onnx', 1,72"),
                                HasSubstr("input image, output logits\n")));
  const std::string model = content("models/a.onnx");
  EXPECT_THAT(model.substr(0, 100), HasSubstr("mnist"));
  EXPECT_NE(model.find("model_sha256\x12\x40" + sha256_hex(content("lenet.pt"))), std::string::npos);
  EXPECT_EQ(model.find("probabilities\x12"), std::string::npos);

  std::filesystem::copy_file(folder_ / "lenet.pt", folder_ / "copy.pt");
  EXPECT_EQ(mnist({"export", "--model", "copy.pt", "--output", "b.onnx"}).exit_code, 0);
  EXPECT_TRUE(content("b.onnx") == model) << "the same model gives the same bytes";
  const SubprocessResult piped = mnist({"export", "--model", "-", "--output", "-"}, content("lenet.pt"));
  EXPECT_EQ(piped.exit_code, 0) << piped.err;
  EXPECT_TRUE(piped.out == model) << "streams";
}

TEST_F(Export, KeepsAnotherFileOfTheSameName) {
  write_file(folder_ / "a.onnx", "mine");
  const SubprocessResult first = exported({"--output", "a.onnx"});
  EXPECT_THAT(first.err, HasSubstr("warning: the old 'a.onnx' is kept as 'a.onnx.bak'"));
  EXPECT_EQ(content("a.onnx.bak"), "mine");
  EXPECT_THAT(exported({"--output", "a.onnx"}).err, Not(HasSubstr("is kept"))) << "the same bytes";
  EXPECT_THAT(exported({"--output", "a.onnx", "--with-preprocessing", "--overwrite"}).err, Not(HasSubstr("is kept")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.onnx.bak2"));
  EXPECT_NE(content("a.onnx").find("probabilities"), std::string::npos);
}

TEST_F(Export, KeepsAnotherModelOfTheSameName) {
  ASSERT_EQ(exported({"--format", "safetensors", "--output", "a.safetensors"}).exit_code, 0);
  ASSERT_EQ(exported({"--format", "safetensors", "--output", "a.safetensors"}).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.safetensors.bak")) << "it was the same model";
  const std::string old = content("a.safetensors");
  write_model("lenet.pt", 2);
  const SubprocessResult result = exported({"--format", "safetensors", "--output", "a.safetensors"});
  EXPECT_THAT(result.err, HasSubstr("is kept as 'a.safetensors.bak': it is another model"));
  EXPECT_EQ(content("a.safetensors.bak"), old);
}

TEST_F(Export, WritesOnnxToAStdoutThatIsAFile) {
  Subprocess process = program(MNIST_BINARY, {"export", "--model", "lenet.pt", "--output", "/dev/stdout"});
  process.folder = folder_.path();
  process.command.insert(process.command.begin(), {"/bin/sh", "-c", "\"$@\" > out.onnx", "sh"});
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(exported({"--output", "file.onnx"}).exit_code, 0);
  EXPECT_EQ(content("out.onnx"), content("file.onnx"));
}

TEST_F(Export, WritesSafetensorsWithTheRecipe) {
  const SubprocessResult result = exported({"--format", "safetensors", "--output", "a.safetensors"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const ModelFile before = read_model_file(folder_ / "lenet.pt");
  const ModelFile after = read_model_file(folder_ / "a.safetensors");
  EXPECT_EQ(after.layout, "safetensors");
  EXPECT_EQ(after.recipe, before.recipe);
  ASSERT_EQ(after.state.size(), before.state.size());
  for (std::size_t i = 0; i < after.state.size(); ++i) {
    EXPECT_EQ(after.state[i].first, before.state[i].first);
    EXPECT_TRUE(at::equal(after.state[i].second, before.state[i].second));
  }
  write_file(folder_ / "b.safetensors", "mine");
  EXPECT_EQ(exported({"--format", "safetensors", "--output", "b.safetensors"}).exit_code, 0);
  EXPECT_EQ(content("b.safetensors.bak"), "mine");
}

TEST_F(Export, TheEndingDecidesWithoutAFormat) {
  ASSERT_EQ(exported({"--output", "a.safetensors"}).exit_code, 0);
  EXPECT_EQ(read_model_file(folder_ / "a.safetensors").layout, "safetensors");
  expect_refused({"--output", "b.safetensors", "--format", "onnx"}, 2, "--output 'b.safetensors' does not end in .onnx",
                 "or use --format safetensors");
}

TEST_F(Export, OfAPythonModelNeedsNoRecipe) {
  const std::filesystem::path plain = folder_ / "python.pt";
  write_file(folder_ / "names.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  std::filesystem::copy_file(fixture("models/state.pt"), plain);
  const SubprocessResult other = mnist({"export", "--model", "python.pt", "--output", "x.onnx"});
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("fit no known network"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x.onnx"));
  EXPECT_EQ(exported({"--output", "named.onnx", "--classes", "names.txt"}).exit_code, 0);
  EXPECT_NE(content("named.onnx").find(R"(["a","b","c","d","e","f","g","h","i","j"])"), std::string::npos);
}

TEST_F(Export, AddsVersionsToARepositoryOfTriton) {
  const Arguments into = {"--format", "triton", "--output", "served", "--with-preprocessing"};
  const SubprocessResult first = exported(into);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, AllOf(HasSubstr("new folder: 'served'\n"),
                               HasSubstr("Triton model: lenet, version 1: 'served/lenet/1'; input pixels, output")));
  EXPECT_THAT(content("served/lenet/config.pbtxt"),
              AllOf(HasSubstr("name: \"lenet\"\n"), HasSubstr("TYPE_UINT8"), HasSubstr("max_batch_size: 64\n"),
                    HasSubstr("[ 1, 28, 28 ]")));
  EXPECT_THAT(content("served/lenet/labels.txt"), ::testing::StartsWith("number 0\nnumber 1\n"));
  const std::string model = content("served/lenet/1/model.onnx");
  const SubprocessResult second = exported(into);
  EXPECT_THAT(second.err,
              HasSubstr("'served' has other versions of the model lenet, which stay: this one is version 2"));
  EXPECT_TRUE(content("served/lenet/2/model.onnx") == model);

  const Arguments bare = {"--format", "triton", "--output", "served"};
  expect_refused(bare, 3, "'served/lenet/config.pbtxt' is there already, of another model or changed", "--name");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "served/lenet/3"));
  Arguments named = bare;
  named.insert(named.end(), {"--name", "raw", "--max-batch", "8"});
  EXPECT_EQ(exported(named).exit_code, 0);
  EXPECT_THAT(content("served/raw/config.pbtxt"), AllOf(HasSubstr("TYPE_FP32"), HasSubstr("max_batch_size: 8\n")));
}

TEST_F(Export, RefusesWhatItCannotDo) {
  expect_refused({"--output", "a.pt"}, 2, "--output 'a.pt' does not end in .onnx", "another --format than onnx");
  expect_refused({"--output", "a.onnx", "--format", "safetensors"}, 2, "--output 'a.onnx' does not end in .safetensors",
                 "give it this ending, or use --format onnx");
  expect_refused({"--output", "lenet.pt", "--format", "triton"}, 2, "--output 'lenet.pt' is not a folder", "folder");
  expect_refused({"--output", "a.onnx", "--max-batch", "8"}, 2, "--max-batch has no meaning with --format onnx",
                 "it is for --format triton");
  expect_refused({"--output", "a.safetensors", "--format", "safetensors", "--with-preprocessing"}, 2,
                 "--with-preprocessing has no meaning with --format safetensors", "onnx and triton");
  expect_refused({"--output", "a.onnx", "--name", "../a"}, 2, "--name cannot be '../a'", "letters");
  expect_refused({"--output", "a.onnx", "--format", "onxn"}, 2, "--format cannot be 'onxn'", "did you mean 'onnx'?");
  expect_refused({"--output", "-", "--format", "safetensors"}, 2, "--output '-' does not end in .safetensors",
                 "ending");
  std::filesystem::create_hard_link(folder_ / "lenet.pt", folder_ / "same.onnx");
  expect_refused({"--output", "same.onnx"}, 2, "the output would replace the input 'lenet.pt'", "another");
  const SubprocessResult none = mnist({"export", "--model", "none.pt", "--output", "a.onnx"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.err, HasSubstr("none.pt"));
  EXPECT_EQ(mnist({"export", "--model", "lenet.pt"}).exit_code, 2) << "--output is required";
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.onnx"));
}

TEST_F(Export, OnnxIsNotRead) {
  ASSERT_EQ(exported({"--output", "a.onnx"}).exit_code, 0);
  std::filesystem::copy_file(folder_ / "a.onnx", folder_ / "renamed.pt");
  write_small_mnist(folder_ / "data", 40, 10);
  write_png(folder_ / "digit.png", at::zeros({28, 28, 1}, at::kByte));
  for (const std::string name : {"a.onnx", "renamed.pt"}) {
    for (const Arguments& arguments : {Arguments{"infer", "--model", name, "digit.png"},
                                       {"evaluate", "--model", name},
                                       {"info", name},
                                       {"report", name},
                                       {"export", "--model", name, "--output", "b.onnx"},
                                       {"train", "--arch", "lenet", "--weights", name, "--dry-run"}}) {
      const SubprocessResult result = mnist(arguments);
      EXPECT_EQ(result.exit_code, 3) << arguments[0];
      EXPECT_THAT(result.err,
                  AllOf(HasSubstr(name + "' is an ONNX model, which this program writes but does not read\n"),
                        HasSubstr("hint: give the .pt or .safetensors file that it was exported from")))
          << arguments[0];
    }
  }
}

}  // namespace
}  // namespace mnist::test
