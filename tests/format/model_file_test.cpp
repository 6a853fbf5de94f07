#include "mnist/format/model_file.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/models.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The lines of expected.txt for one file; all values as double.
NamedTensors expected_state(const std::string& file) {
  std::ifstream in(fixture("models/expected.txt"));
  EXPECT_TRUE(in);
  NamedTensors state;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string of;
    std::string name;
    std::string type;
    std::string shape;
    words >> of >> name >> type >> shape;
    if (of != file) continue;
    std::vector<std::int64_t> sizes;
    std::istringstream lengths(shape == "-" ? "" : shape);
    for (std::string length; std::getline(lengths, length, 'x');) sizes.push_back(std::stoll(length));
    std::vector<double> values;
    for (double value = 0; words >> value;) values.push_back(value);
    state.emplace_back(name, at::tensor(values, at::kDouble).reshape(sizes));
  }
  return state;
}

class ReadsFixture : public ::testing::TestWithParam<const char*> {};

TEST_P(ReadsFixture, AsPythonWroteIt) {
  const auto expected = expected_state(GetParam());
  ASSERT_FALSE(expected.empty());
  const auto model = read_model_file(fixture("models") / GetParam());
  EXPECT_FALSE(model.recipe);
  NamedTensors as_double;
  for (const auto& [name, tensor] : model.state) {
    EXPECT_TRUE(tensor.is_contiguous()) << name;
    EXPECT_EQ(tensor.storage().nbytes(), tensor.nbytes()) << name;
    as_double.emplace_back(name, tensor.to(at::kDouble));
  }
  if (std::string(GetParam()).ends_with(".safetensors")) {
    // Python's writer sorts by alignment.
    std::sort(as_double.begin(), as_double.end(), [&](const auto& a, const auto& b) {
      const auto place = [&](const std::string& name) {
        return std::find_if(expected.begin(), expected.end(), [&](const auto& entry) { return entry.first == name; });
      };
      return place(a.first) < place(b.first);
    });
  }
  expect_same_state(as_double, expected);
}

INSTANTIATE_TEST_SUITE_P(All, ReadsFixture,
                         ::testing::Values("state.pt", "archive.pt", "legacy.pt", "parameters.pt", "data_parallel.pt",
                                           "class_names.pt", "checkpoint.pt", "views.pt", "views_legacy.pt", "types.pt",
                                           "types.safetensors", "zipfile.pt", "compiled.pt", "stacked.pt",
                                           "net.safetensors", "stacked.safetensors", "lightning.ckpt",
                                           "lightning_legacy.ckpt", "timm.pth", "torchvision.pth", "cifar.pth",
                                           "negative.pt", "no_checksums.pt"));

struct Noted {
  const char* file;
  std::vector<std::string> notes;
};

std::ostream& operator<<(std::ostream& out, const Noted& noted) {
  return out << noted.file;
}

class TellsWhatItTakes : public ::testing::TestWithParam<Noted> {};

TEST_P(TellsWhatItTakes, InNotes) {
  EXPECT_EQ(read_model_file(fixture("models") / GetParam().file).notes, GetParam().notes);
}

INSTANTIATE_TEST_SUITE_P(
    All, TellsWhatItTakes,
    ::testing::Values(
        Noted{"state.pt", {}}, Noted{"types.safetensors", {}},
        Noted{"class_names.pt", {"the weights are those under 'state_dict'"}},
        Noted{"data_parallel.pt", {"the prefix 'module.' is removed from all names"}},
        Noted{"stacked.pt", {"the prefix 'module._orig_mod.' is removed from all names"}},
        Noted{"net.safetensors", {"the prefix 'net.' is removed from all names"}},
        Noted{"stacked.safetensors", {"the prefix 'model._orig_mod.module.' is removed from all names"}},
        Noted{"cifar.pth", {"the weights are those under 'net'", "the prefix 'module.' is removed from all names"}},
        Noted{"timm.pth",
              {"the weights are those under 'state_dict_ema'; others, which are not used, are under 'state_dict'",
               "values that are not weights are ignored: _codecs.encode, argparse.Namespace, "
               "numpy._core.multiarray.scalar, "
               "numpy.dtype"}},
        Noted{"torchvision.pth",
              {"the weights are those under 'model_ema'; others, which are not used, are under 'model'",
               "values that are not weights are ignored: argparse.Namespace",
               "the prefix 'module.' is removed from all names"}},
        Noted{"no_checksums.pt", {"the file has no checksums, so damage may go unnoticed"}}));

TEST(ReadModelFile, PassesOverWhatPythonPutsBesideTheWeights) {
  const ModelFile model = read_model_file(fixture("models/lightning.ckpt"));
  EXPECT_THAT(model.notes,
              ElementsAre("the weights are those under 'state_dict'",
                          "values that are not weights are ignored: __builtin__.set, __main__.Mode, __main__.Registry, "
                          "_codecs.encode, argparse.Namespace, ...",
                          "the prefix 'model.' is removed from all names"));
}

TEST(ReadModelFile, TakesOnlyPrefixesThatAllNamesHave) {
  const TemporaryFolder folder;
  const auto names_of = [&](const std::vector<std::string>& names) {
    std::string header = "{";
    for (const std::string& name : names)
      header += fmt::format(R"("{}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}},)", name);
    header.back() = '}';
    write_file(folder / "x.safetensors",
               std::string{static_cast<char>(header.size()), '\0', '\0', '\0', '\0', '\0', '\0', '\0'} + header);
    std::vector<std::string> read;
    for (const auto& entry : read_model_file(folder / "x.safetensors").state) read.push_back(entry.first);
    return read;
  };
  EXPECT_THAT(names_of({"module.a", "b"}), ElementsAre("b", "module.a"));
  EXPECT_THAT(names_of({"module.", "module.a"}), ElementsAre("module.", "module.a"));
  EXPECT_THAT(names_of({"net.model.a"}), ElementsAre("a"));
  EXPECT_THAT(names_of({"module.a", "n_averaged"}), ElementsAre("a"));
  EXPECT_THAT(names_of({"model.a", "n_averaged"}), ElementsAre("model.a", "n_averaged"));
  EXPECT_THAT(names_of({"n_averaged"}), ElementsAre("n_averaged"));
}

TEST(ReadModelFile, KeepsElementTypes) {
  const std::map<std::string, at::ScalarType> types{
      {"float64", at::kDouble}, {"float16", at::kHalf}, {"bfloat16", at::kBFloat16},
      {"int64", at::kLong},     {"int32", at::kInt},    {"int16", at::kShort},
      {"int8", at::kChar},      {"uint8", at::kByte},   {"bool", at::kBool}};
  for (const auto* file : {"models/types.pt", "models/types.safetensors"}) {
    const auto model = read_model_file(fixture(file));
    ASSERT_EQ(model.state.size(), types.size());
    for (const auto& [name, tensor] : model.state) EXPECT_EQ(tensor.scalar_type(), types.at(name)) << name;
  }
}

TEST(ReadModelFile, SaysTheLayout) {
  EXPECT_EQ(read_model_file(fixture("models/state.pt")).layout, "PyTorch zip");
  EXPECT_EQ(read_model_file(fixture("models/legacy.pt")).layout, "PyTorch legacy stream");
  EXPECT_EQ(read_model_file(fixture("models/types.safetensors")).layout, "safetensors");
}

TEST(ReadModelFile, FindsClassNamesBesideTheStateDict) {
  EXPECT_THAT(read_model_file(fixture("models/class_names.pt")).class_names, ElementsAre("ant", "bee", "cicada"));
  EXPECT_THAT(read_model_file(fixture("models/checkpoint.pt")).class_names, IsEmpty());
}

TEST(ReadTensorFile, IsTheOneTensor) {
  const at::Tensor images = read_tensor_file(fixture("models/tensor_images.pt"));
  EXPECT_TRUE(
      at::equal(images.mul(255).round().to(at::kLong), at::arange(3 * 784).reshape({3, 28, 28}).remainder(256)));
  EXPECT_TRUE(at::equal(read_tensor_file(fixture("models/tensor_target.pt")), at::tensor({7, 0, 9}, at::kLong)));
}

TEST(ReadTensorFile, RefusesAStateDict) {
  try {
    read_tensor_file(fixture("models/state.pt"));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("holds a dict of tensors, not a single one"));
  }
}

TEST(ReadModelFile, RefusesOtherContentsByName) {
  const auto refusal = [](const std::string& file) { return refusal_of(fixture("models") / file); };
  EXPECT_THAT(refusal("whole_module.pt"),
              AllOf(HasSubstr("an object of '__main__.TinyNet'"), HasSubstr("model.state_dict()")));
  EXPECT_THAT(refusal("module_in_dict.pt"), HasSubstr("under 'model', which is an object of '__main__.TinyNet'"));
  EXPECT_THAT(refusal("odd_dict.pt"), HasSubstr("under 'state_dict', which is an object of '__main__.Registry'"));
  EXPECT_THAT(refusal("conjugate.pt"),
              HasSubstr("tensor 'a' of type 'torch.ComplexFloatStorage', which is not supported"));
  EXPECT_THAT(refusal("single_tensor.pt"), HasSubstr("holds a single tensor, not a model"));
  EXPECT_THAT(refusal("other_keys.pt"), HasSubstr("its keys are 'epoch', 'weights'"));
  EXPECT_THAT(refusal("mixed.pt"), HasSubstr("entry 'epoch' is not a tensor"));
  EXPECT_THAT(refusal("protocol4.pt"), HasSubstr("pickled with protocol 4"));
  EXPECT_THAT(refusal("torchscript.pt"), HasSubstr("is a TorchScript archive"));
  EXPECT_THAT(refusal("deflated.pt"), HasSubstr("entry 'state/data.pkl' in compressed form"));
  EXPECT_THAT(refusal("big_endian.pt"), HasSubstr("big-endian"));
}

TEST(ReadModelFile, RefusesOtherKindsOfFilesByName) {
  TemporaryFolder folder;
  const auto refusal = [&](const std::string& content) {
    write_file(folder / "x.pt", content);
    return refusal_of(folder / "x.pt");
  };
  EXPECT_THAT(refusal("\x89PNG\r\n\x1a\n...."), HasSubstr("x.pt' is a PNG image, not a model file"));
  EXPECT_THAT(refusal("\xff\xd8\xff\xe0...."), HasSubstr("is a JPEG image"));
  EXPECT_THAT(refusal("\x1f\x8b\x08...."), HasSubstr("is a gzip-compressed file"));
  EXPECT_THAT(refusal("<!DOCTYPE html><html>"), AllOf(HasSubstr("is an HTML page"), HasSubstr("download")));
  EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:12\n"), HasSubstr("git lfs pull"));
  EXPECT_THAT(refusal("weights, please"), HasSubstr("is a text file"));
  EXPECT_THAT(refusal(std::string("\x80\x04\x95", 3)), HasSubstr("is a bare pickle"));
  EXPECT_THAT(refusal(std::string(257, '\0') + "ustar" + std::string(250, '\0')), HasSubstr("tar format of 2017"));
  EXPECT_THAT(refusal(std::string("\x01\x02\x03\x04\x05", 5)), HasSubstr("is not a model file"));
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_THAT(refusal_of(folder / "missing.pt"), HasSubstr("missing.pt"));
}

class WritesAndReads : public ::testing::TestWithParam<const char*> {};

TEST_P(WritesAndReads, StateAndRecipe) {
  TemporaryFolder folder;
  const auto path = folder / (std::string("model") + GetParam());
  write_model_file(path, small_state(), small_recipe());
  const auto model = read_model_file(path);
  expect_same_state(model.state, small_state());
  ASSERT_TRUE(model.recipe);
  EXPECT_EQ(*model.recipe, small_recipe());
}

TEST_P(WritesAndReads, EveryShapeAndType) {
  TemporaryFolder folder;
  NamedTensors state;
  for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort, at::kChar,
                          at::kByte, at::kBool}) {
    state.emplace_back(std::string("type.") + c10::toString(type), at::tensor({0, 1, 100}).to(type));
  }
  state.emplace_back("empty", at::empty({0, 3}));
  state.emplace_back("five", at::arange(2 * 3 * 2 * 1 * 2, at::kFloat).reshape({2, 3, 2, 1, 2}));
  state.emplace_back("long", at::arange(70'000, at::kInt));
  const auto path = folder / (std::string("model") + GetParam());
  write_model_file(path, state, small_recipe());
  expect_same_state(read_model_file(path).state, state);
}

TEST_P(WritesAndReads, ViewsAsTheyLook) {
  TemporaryFolder folder;
  const auto base = at::arange(12, at::kFloat).reshape({3, 4});
  const NamedTensors state{{"transposed", base.t()}, {"row", base[1]}, {"wide", base[0].unsqueeze(0).expand({5, 4})}};
  const auto path = folder / (std::string("model") + GetParam());
  write_model_file(path, state, small_recipe());
  expect_same_state(read_model_file(path).state, state);
}

TEST_P(WritesAndReads, SameBytesForTheSameContent) {
  TemporaryFolder folder;
  const auto first = folder / (std::string("a") + GetParam());
  const auto second = folder / (std::string("another name") + GetParam());
  write_model_file(first, small_state(), small_recipe());
  write_model_file(second, small_state(), small_recipe());
  EXPECT_EQ(content_of(first), content_of(second));
  auto state = small_state();
  state[1].second = state[1].second + 1;
  write_model_file(second, state, small_recipe());
  EXPECT_NE(content_of(first), content_of(second));
}

INSTANTIATE_TEST_SUITE_P(All, WritesAndReads, ::testing::Values(".pt", ".pth", ".safetensors"),
                         [](const auto& test) { return std::string(test.param).substr(1); });

TEST(WriteModelFile, WritesWhatTorchSaveWrites) {
  TemporaryFolder folder;
  write_model_file(folder / "model.pt", read_model_file(fixture("models/archive.pt")).state, small_recipe());
  const auto ours = content_of(folder / "model.pt");
  const auto python = content_of(fixture("models/archive.pt"));
  // Up to the last tensor; the recipe follows. A local header has 30 bytes before the name.
  const auto tensors_end = python.find("archive/version") - 30;
  ASSERT_LT(tensors_end, python.size());
  EXPECT_EQ(ours.substr(0, tensors_end), python.substr(0, tensors_end));
  EXPECT_EQ(ours.find("archive/extra/mnist.json"), tensors_end + 30);
}

TEST(WriteModelFile, WritesClassNamesAsTorchSaveWritesThem) {
  const TemporaryFolder folder;
  Recipe recipe = small_recipe();
  recipe.class_names = {"ant", "bee", "cicada"};
  const auto state = read_model_file(fixture("models/class_names.pt")).state;
  write_model_file(folder / "model.pt", state, recipe, PickleLayout::with_class_names);
  const auto pickle = [](const std::string& bytes) {
    const auto begin = bytes.find("\x80\x02}q");
    return bytes.substr(begin, bytes.find("eu.", bytes.find("cicada")) + 3 - begin);
  };
  EXPECT_EQ(pickle(content_of(folder / "model.pt")), pickle(content_of(fixture("models/class_names.pt"))));
  const ModelFile read = read_model_file(folder / "model.pt");
  expect_same_state(read.state, state);
  EXPECT_EQ(read.class_names, recipe.class_names);
  EXPECT_EQ(read.recipe, recipe);
}

TEST(WriteModelFile, NumbersMoreThan256RememberedValues) {
  TemporaryFolder folder;
  NamedTensors state;
  for (int i = 0; i < 1001; ++i) state.emplace_back("layer" + std::to_string(i) + ".bias", at::full({1}, i, at::kInt));
  write_model_file(folder / "model.pt", state, small_recipe());
  expect_same_state(read_model_file(folder / "model.pt").state, state);
}

TEST(WriteModelFile, RefusesWhatItCannotWrite) {
  TemporaryFolder folder;
  EXPECT_THROW(write_model_file(folder / "model.onnx", small_state(), small_recipe()), Error);
  EXPECT_THROW(write_model_file(folder / "missing" / "model.pt", small_state(), small_recipe()), Error);
  const NamedTensors complex{{"a", at::zeros({1}, at::kComplexFloat)}};
  EXPECT_THROW(write_model_file(folder / "model.pt", complex, small_recipe()), Error);
  EXPECT_THROW(write_model_file(folder / "model.safetensors", complex, small_recipe()), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace mnist::test
