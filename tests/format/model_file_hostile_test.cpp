// Malicious files. The legacy stream has no checksums, so its pickle can contain anything.
#include <cstdint>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/models.hpp"
#include "support/legacy_stream.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using namespace pickle;
using namespace std::string_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

std::string dict_with(const std::string& value) {
  return "}"s + item("a", value);
}

class Hostile : public ::testing::Test {
 protected:
  // The error for a legacy file with that pickle and one storage of four floats with the key "0".
  std::string refusal(const std::string& pickle) {
    write_file(folder_ / "x.pt", file(pickle));
    return refusal_of(folder_ / "x.pt");
  }

  static std::string file(const std::string& pickle) { return legacy_file(pickle, {{"0", 4, std::string(16, '\0')}}); }

  TemporaryFolder folder_;
};

TEST_F(Hostile, TheFrameItselfIsRead) {
  write_file(folder_ / "x.pt", file(dict_with(tensor(storage(4), 1, tuple(integer(3)), tuple(integer(1))))));
  const auto model = read_model_file(folder_ / "x.pt");
  ASSERT_EQ(model.state.size(), 1U);
  EXPECT_TRUE(at::equal(model.state[0].second, at::zeros({3})));
}

TEST_F(Hostile, ElementsOutsideOfTheStorage) {
  const auto with = [&](std::int64_t offset, std::int64_t size, std::int64_t stride) {
    return refusal(dict_with(tensor(storage(4), offset, tuple(integer(size)), tuple(integer(stride)))));
  };
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  const auto outside = HasSubstr("tensor 'a' reaches outside of its storage");
  EXPECT_THAT(with(0, 5, 1), outside);
  EXPECT_THAT(with(2, 3, 1), outside);
  EXPECT_THAT(with(0, 3, 2), outside);
  EXPECT_THAT(with(5, 0, 1), outside);
  EXPECT_THAT(with(kMax, 1, 1), outside);
  EXPECT_THAT(with(0, kMax, kMax), outside);
  EXPECT_THAT(with(1, 2, kMax), outside);
  EXPECT_THAT(with(-1, 2, 1), HasSubstr("is not described as PyTorch does"));
  EXPECT_THAT(with(0, -2, 1), HasSubstr("is not described as PyTorch does"));
  EXPECT_THAT(with(3, 2, -1), HasSubstr("is not described as PyTorch does"));
}

TEST_F(Hostile, RepeatedElementsThatWouldFillTheMemory) {
  const auto huge = HasSubstr("needs more memory than the file has bytes");
  EXPECT_THAT(refusal(dict_with(tensor(storage(4), 0, tuple(integer(1LL << 40)), tuple(integer(0))))), huge);
  const auto many = integer(1LL << 32);
  EXPECT_THAT(
      refusal(dict_with(tensor(storage(4), 0, tuple(many, many, many), tuple(integer(0), integer(0), integer(0))))),
      HasSubstr("is impossibly large"));
  // Many tensors of the allowed size.
  std::string pickle = "}";
  for (int i = 0; i < 10; ++i) {
    pickle += text(std::to_string(i)) + tensor(storage(4), 0, tuple(integer(1 << 16)), tuple(integer(0))) + "s";
  }
  EXPECT_THAT(refusal(pickle), huge);
}

TEST_F(Hostile, EmptyTensorsOfImpossibleSizes) {
  const auto huge = integer(1LL << 40);
  EXPECT_THAT(refusal(dict_with(
                  tensor(storage(4), 0, tuple(huge, huge, integer(0)), tuple(integer(1), integer(1), integer(1))))),
              HasSubstr("is impossibly large"));
}

TEST_F(Hostile, StoragesThatAreNotWhatTheyClaim) {
  const auto one = tuple(integer(1));
  EXPECT_THAT(refusal(dict_with(tensor(storage(5), 0, one, one))), HasSubstr("is not as large as its pickle says"));
  EXPECT_THAT(refusal(dict_with(tensor(storage(1LL << 62), 0, one, one))), HasSubstr("impossibly large"));
  EXPECT_THAT(refusal(dict_with(tensor(storage(-4), 0, one, one))), HasSubstr("no size"));
  EXPECT_THAT(refusal(dict_with(tensor(storage(4, "DoubleStorage"), 0, one, one))), HasSubstr("is truncated"));
  EXPECT_THAT(refusal(dict_with(tensor(storage(4, "StringStorage"), 0, one, one))),
              HasSubstr("tensor of type 'torch.StringStorage', which is not supported"));
  EXPECT_THAT(refusal("}"), HasSubstr("list of storages"));
}

TEST_F(Hostile, CodeInPlaceOfWeightsIsNamedAndNotRun) {
  const auto weights = text("a") + tensor(storage(4), 0, tuple(integer(4)), tuple(integer(1))) + "s";
  const auto with = [&](const std::string& value) { return refusal("}" + weights + text("b") + value + "s"); };
  EXPECT_THAT(with("cos\nsystem\n" + tuple(text("touch " + (folder_ / "touched").string())) + "R"),
              HasSubstr("entry 'b' is not a tensor, but an object of 'os.system'"));
  EXPECT_THAT(with("cos\n" + std::string(1000, 'x') + "\n)R"), HasSubstr("xxx...'"));
  EXPECT_THAT(with("cos\n" + std::string(1001, 'x') + "\n)R"), HasSubstr("a name in it is too long"));
  EXPECT_THAT(with("ctorch\n\x1b[2J\n)R"), HasSubstr("'torch.\\x1b[2J'"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "touched"));
}

TEST_F(Hostile, CodeBesideTheWeightsIsPassedOverAndNotRun) {
  const auto weights = dict_with(tensor(storage(4), 0, tuple(integer(4)), tuple(integer(1))));
  const auto code = "cos\nsystem\n" + tuple(text("touch " + (folder_ / "touched").string())) + "R";
  write_file(folder_ / "x.pt", file("}" + text("model") + weights + "s" + text("b") + code + "s"));
  const auto model = read_model_file(folder_ / "x.pt");
  EXPECT_EQ(model.state.size(), 1U);
  EXPECT_THAT(model.notes, Contains(HasSubstr("ignored: os.system")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "touched"));
}

TEST_F(Hostile, ObjectsTakeWhateverIsPutIntoThem) {
  const auto weights = text("model") + dict_with(tensor(storage(4), 0, tuple(integer(4)), tuple(integer(1)))) + "s";
  const auto is_read = [&](const std::string& object) {
    write_file(folder_ / "x.pt", file("}" + weights + text("b") + object + "s"));
    return read_model_file(folder_ / "x.pt").state.size() == 1;
  };
  const std::string made = "ca\nB\n)\x81";
  EXPECT_TRUE(is_read(made + "}" + text("x") + "Nsb"));               // attributes
  EXPECT_TRUE(is_read(made + text("x") + "Ns(" + text("y") + "Nu"));  // entries of a dict
  EXPECT_TRUE(is_read(made + "Na(NNe"));                              // items of a list
  EXPECT_TRUE(is_read(made + ")R}" + "b"));                           // a call of an object
  EXPECT_TRUE(is_read("\x8b" + little_endian(300, 4) + std::string(300, '\x7f')));
  EXPECT_THAT(refusal("N}b"), HasSubstr("attributes are set on a plain value"));
}

TEST_F(Hostile, MarksThatChangeValues) {
  const auto marked = [](const std::string& marks, const std::string& type = "FloatStorage") {
    return dict_with("ctorch._utils\n_rebuild_tensor_v2\n" +
                     tuple(storage(4, type), integer(0), tuple(integer(2)), tuple(integer(1)), "\x89"s, "}"s, marks) +
                     "R");
  };
  const auto mark = [](const std::string& name, const std::string& value) { return "}" + text(name) + value + "s"; };
  const std::string yes = "\x88";
  const std::string no = "\x89";
  for (const auto& harmless : {"N"s, "}"s, mark("neg", no), mark("conj", no), mark("neg", yes)}) {
    write_file(folder_ / "x.pt", file(marked(harmless)));
    EXPECT_EQ(read_model_file(folder_ / "x.pt").state[0].second.numel(), 2);
  }
  EXPECT_THAT(refusal(marked(mark("conj", yes))), HasSubstr("tensor 'a' with the flag 'conj'"));
  EXPECT_THAT(refusal(marked(mark("zero", yes))), HasSubstr("tensor 'a' with the flag 'zero'"));
  EXPECT_THAT(refusal(marked(mark("neg", "N"))), HasSubstr("with the flag 'neg'"));
  EXPECT_THAT(refusal(marked("]")), HasSubstr("the flags of tensor 'a' are not a dict"));
}

TEST_F(Hostile, PicklesThatAskForTooMuch) {
  EXPECT_THAT(refusal("X\xff\xff\xff\xff"), HasSubstr("ends early"));
  EXPECT_THAT(refusal(std::string(1'500'000, 'N')), HasSubstr("more than 1000000 values"));
  EXPECT_THAT(refusal(std::string(1'500'000, '(')), HasSubstr("more than 1000000 values"));
  EXPECT_THAT(refusal("X" + little_endian(1 << 24, 4) + std::string(1 << 24, 'x')),
              HasSubstr("of more than 16777216 bytes"));
  std::string nested = ")";
  for (int i = 0; i < 200'000; ++i) nested += '\x85';
  EXPECT_THAT(refusal(nested), HasSubstr("list of storages"));
}

// A value that is in the file once can be used a hundred thousand times.
TEST_F(Hostile, PartsThatAreSharedTooOften) {
  const std::string weights = dict_with(tensor(storage(4), 0, tuple(integer(4)), tuple(integer(1))));
  std::string names = "](" + text(std::string(1 << 20, 'n')) + "q\x01";
  for (int i = 0; i < 1000; ++i) names += "h\x01";
  EXPECT_THAT(refusal("}" + text("state_dict") + weights + "s" + text("class_names") + names + "es"),
              HasSubstr("its 'class_names' are too long"));
  std::string marks = "}(";
  for (int i = 0; i < 100; ++i) marks += text("neg") + "\x89";
  EXPECT_THAT(
      refusal(dict_with(
          "ctorch._utils\n_rebuild_tensor_v2\n" +
          tuple(storage(4), integer(0), tuple(integer(2)), tuple(integer(1)), "\x89"s, "}"s, marks + "u") + "R")),
      HasSubstr("the flags of tensor 'a' are too many"));
}

TEST_F(Hostile, PicklesThatMakeNoSense) {
  EXPECT_THAT(refusal("t"), HasSubstr("a mark is missing"));
  EXPECT_THAT(refusal("R"), HasSubstr("its stack is empty"));
  EXPECT_THAT(refusal("(]N\x85"), HasSubstr("does not end with one value"));
  EXPECT_THAT(refusal("h\x07"), HasSubstr("value 7 of its memo is missing"));
  EXPECT_THAT(refusal("]N" + text("a") + "s"), HasSubstr("something that is not a dict"));
  EXPECT_THAT(refusal("}(Nu"), HasSubstr("something that is not a dict"));
  EXPECT_THAT(refusal("]q\x01h\x01"
                      "a"),
              HasSubstr("list of storages"));  // a list that contains itself
  EXPECT_THAT(refusal("}q\x01" + text("a") + "h\x01s"), HasSubstr("list of storages"));
  EXPECT_THAT(refusal("\x82"), HasSubstr("opcode 0x82"));
}

class HostileSafetensors : public ::testing::Test {
 protected:
  std::string refusal(const std::string& header, const std::string& data = std::string(8, '\0')) {
    write_file(folder_ / "x.safetensors", little_endian(header.size(), 8) + header + data);
    return refusal_of(folder_ / "x.safetensors");
  }

  TemporaryFolder folder_;
};

TEST_F(HostileSafetensors, HeadersThatDoNotFitTheData) {
  const auto tensor = [](const std::string& shape, const std::string& offsets) {
    return R"({"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
  };
  const auto one = [&](const std::string& shape, const std::string& offsets) {
    return refusal(R"({"a":)" + tensor(shape, offsets) + "}");
  };
  EXPECT_THAT(one("[3]", "[0,8]"), HasSubstr("tensor 'a' has another size than its shape"));
  EXPECT_THAT(one("[1099511627776,1099511627776,1099511627776]", "[0,8]"), HasSubstr("another size"));
  EXPECT_THAT(one("[2]", "[8,0]"), HasSubstr("another size"));
  EXPECT_THAT(one("[1]", "[4,8]"), HasSubstr("is not where the one before it ends"));
  EXPECT_THAT(one("[1]", "[0,4]"), HasSubstr("bytes follow its last tensor"));
  EXPECT_THAT(one("[4]", "[0,16]"), AllOf(HasSubstr("is truncated"), HasSubstr("8 bytes")));
  EXPECT_THAT(one("[-1]", "[0,8]"), HasSubstr("has no valid 'shape'"));
  EXPECT_THAT(one("[2.0]", "[0,8]"), HasSubstr("has no valid 'shape'"));
  EXPECT_THAT(one("2", "[0,8]"), HasSubstr("has no valid 'shape'"));
  EXPECT_THAT(one("[2]", "[0,8,9]"), HasSubstr("has no valid 'data_offsets'"));
  const auto first = tensor("[2]", "[0,8]");
  EXPECT_THAT(refusal(R"({"a":)" + first + R"(,"b":)" + tensor("[1]", "[4,8]") + "}"), HasSubstr("'b' is not where"));
  EXPECT_THAT(refusal(R"({"a":)" + first + R"(,"a":)" + first + "}"), HasSubstr("two entries 'a'"));
  EXPECT_THAT(refusal(R"({"a":)" + first + R"(,"__metadata__":{"format":1}})"), HasSubstr("metadata"));
}

TEST_F(HostileSafetensors, HeadersThatAreNotHeaders) {
  EXPECT_THAT(refusal("{", ""), HasSubstr("is not valid JSON"));
  EXPECT_THAT(refusal("{}", ""), HasSubstr("holds no tensors"));
  EXPECT_THAT(refusal("{\"a\":" + std::string(100'000, '[')), HasSubstr("nested more than 16 deep"));
  EXPECT_THAT(refusal(R"({"a":1})"), HasSubstr("is not described by"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}})"), HasSubstr("type 'F8_E4M3'"));
  write_file(folder_ / "x.safetensors", little_endian(3'000'000'000, 8) + "{}");
  EXPECT_THAT(refusal_of(folder_ / "x.safetensors"), HasSubstr("its header would have 3000000000 bytes"));
}

}  // namespace
}  // namespace mnist::test
