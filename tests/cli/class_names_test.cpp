// Class names: --classes, and ImageNet's names for weights without names.
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/format/model_file.hpp"
#include "mnist/model/imagenet_classes.hpp"
#include "mnist/model/registry.hpp"

#include "infer_folder.hpp"
#include "support/legacy_stream.hpp"
#include "support/program.hpp"
#include "support/subprocess.hpp"

namespace mnist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Only weights, as in .safetensors files of other programs.
std::string safetensors_of(const StateDict& state) {
  nlohmann::json header;
  std::string content;
  for (const auto& [name, tensor] : state) {
    const auto dense = tensor.detach().contiguous();
    const auto begin = content.size();
    content.append(static_cast<const char*>(dense.const_data_ptr()), dense.nbytes());
    header[name] = {{"dtype", dense.is_floating_point() ? "F32" : "I64"},
                    {"shape", dense.sizes().vec()},
                    {"data_offsets", {begin, content.size()}}};
  }
  const std::string text = header.dump();
  return test::pickle::little_endian(text.size(), 8) + text + content;
}

class ClassNamesTest : public InferTest {
 protected:
  static nlohmann::json answer_with(const std::string& classes) {
    test::write_file(*folder_ / "classes", classes);
    const auto outcome = infer({"images/03.png", "--classes", "classes", "--format", "json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out);
  }

  static test::SubprocessResult mnist(const std::vector<std::string>& arguments) {
    auto process = test::program(MNIST_BINARY, arguments);
    process.folder = folder_->path();
    process.changes["MNIST_DEVICE"] = "cpu";
    return test::run(process);
  }
};

TEST_F(ClassNamesTest, ComeFromLinesAndFromJson) {
  const auto index = nlohmann::json::parse(infer({"images/03.png", "--format", "json"}).out)["class_index"].get<int>();
  std::string lines;
  nlohmann::json list = nlohmann::json::array();
  nlohmann::json by_number;
  nlohmann::json by_name;
  nlohmann::json keras;
  for (int i = 0; i < 10; ++i) {
    const std::string name = fmt::format("class {}", i);
    lines += name + (i % 2 == 0 ? "\n" : "\r\n");
    list.push_back(name);
    by_number[std::to_string(i)] = name;
    by_name[name] = i;
    keras[std::to_string(i)] = {fmt::format("n{:08}", i), name};
  }
  for (const std::string& text :
       {lines, "\xef\xbb\xbf" + lines + "\n", list.dump(), by_number.dump(2), by_name.dump(), keras.dump()}) {
    EXPECT_EQ(answer_with(text)["prediction"], fmt::format("class {}", index)) << text;
  }
}

TEST_F(ClassNamesTest, ThatMakeNoSenseAreRefused) {
  const auto error = [&](const std::string& classes) {
    test::write_file(*folder_ / "wrong", classes);
    const auto outcome = infer({"images/03.png", "--classes", "wrong"});
    EXPECT_EQ(outcome.exit_code, 3) << classes;
    EXPECT_THAT(outcome.err, HasSubstr("\nhint: ")) << classes;
    EXPECT_THAT(outcome.out, IsEmpty()) << classes;
    return outcome.err;
  };
  EXPECT_THAT(error("a\nb\nc\n"), StartsWith("error: 'wrong' has 3 class names, but 'model.pt' has 10 outputs\n"));
  EXPECT_THAT(error(R"(["a", "b"])"), HasSubstr("has 2 class names"));
  EXPECT_THAT(error("a\n\nb\n"), HasSubstr("list of classes 'wrong': the name of class 1 is empty"));
  EXPECT_THAT(error("a\n\xff\n"), HasSubstr("the name of class 1 is not UTF-8"));
  EXPECT_THAT(error(R"({"0": "a", "2": "b"})"), HasSubstr("it has 2 names, but none for class 1"));
  EXPECT_THAT(error(R"({"a": 0, "b": 0})"), HasSubstr("it has two names for class 0"));
  EXPECT_THAT(error(R"({"a": 0.5, "b": 1})"), HasSubstr("a is not a whole number"));
  EXPECT_THAT(error(R"(["a", 1])"), HasSubstr("it has no name for class 1"));
  EXPECT_THAT(error(R"(["a", [1, "b"]])"), HasSubstr("it has no name for class 1"));
  EXPECT_THAT(error(R"(["a", )"), HasSubstr("it is not valid JSON"));
  EXPECT_THAT(infer({"images/03.png", "--classes", "none"}).err, HasSubstr("there is no list of classes 'none'"));
}

TEST_F(ClassNamesTest, AreThoseOfEvaluateToo) {
  test::write_file(*folder_ / "ten", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  const auto outcome = mnist({"evaluate", "--model", "model.pt", "--data-dir", "data", "--classes", "ten"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\na   "), HasSubstr("\nj   ")));
  test::write_file(*folder_ / "nine", "a\nb\nc\nd\ne\nf\ng\nh\ni\n");
  EXPECT_THAT(mnist({"evaluate", "--model", "model.pt", "--data-dir", "data", "--classes", "nine"}).err,
              HasSubstr("'nine' has 9 class names, but 'model.pt' has 10 outputs"));
}

// The folders are named after the class names, or after the first entry of each name's list.
TEST_F(ClassNamesTest, OfAFolderAreInItsOrder) {
  nlohmann::json keras = nlohmann::json::array();
  nlohmann::json turned = nlohmann::json::array();
  for (int i = 0; i < 10; ++i) {
    std::filesystem::create_directories(*folder_ / "by-id" / fmt::format("n{}", i));
    std::filesystem::copy_file(image(i), *folder_ / "by-id" / fmt::format("n{}", i) / "x.png");
    keras.push_back({fmt::format("n{}", i), fmt::format("name {}", i)});
    turned.push_back(fmt::format("n{}", 9 - i));
  }
  test::write_file(*folder_ / "keras.json", keras.dump());
  test::write_file(*folder_ / "turned.json", turned.dump());
  const std::vector<std::string> common{"evaluate", "--model",    "model.pt", "--dataset",
                                        "folder",   "--data-dir", "by-id",    "--classes"};
  const auto with = [&](const std::string& classes) {
    std::vector<std::string> all = common;
    all.push_back(classes);
    return mnist(all);
  };
  const auto outcome = with("keras.json");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("\nname 9   "));
  const auto refused = with("turned.json");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("was trained on the classes n9, n8"));
}

// Weights of torchvision contain no class names.
TEST_F(ClassNamesTest, OfWeightsWithAThousandOutputsAreImagenets) {
  const auto& info = model_info("mobilenet_v3_small");
  const auto network = make_network(info, 1000, 1);
  write_png(*folder_ / "photo.png", torch::full({60, 90, 3}, 200, torch::kUInt8));
  Recipe recipe;
  recipe.arch = info.name;
  recipe.preprocessing = info.preprocessing;
  for (int i = 0; i < 1000; ++i) recipe.class_names.push_back(std::to_string(i));
  write_model_file(*folder_ / "own.pt", state_dict(*network), recipe);
  test::write_file(*folder_ / "plain.safetensors", safetensors_of(state_dict(*network)));
  const auto ask = [&](const std::string& model) {
    const auto outcome = mnist({"infer", "--model", model, "photo.png", "--format", "json", "--top-k", "3"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out);
  };
  const auto own = ask("own.pt");
  const auto plain = ask("plain.safetensors");
  for (int rank = 0; rank < 3; ++rank) {
    const auto index = plain["top_k"][rank]["class_index"].get<std::size_t>();
    EXPECT_EQ(own["top_k"][rank]["class"], std::to_string(index)) << "a file's own names come first";
    EXPECT_EQ(plain["top_k"][rank]["class"], std::string(imagenet_class_names()[index]));
  }
}

}  // namespace
}  // namespace mnist
