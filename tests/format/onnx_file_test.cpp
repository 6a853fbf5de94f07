// The bytes of ONNX models are those of the package onnx. scripts/check_onnx reads whole models with it.
#include "mnist/format/onnx_file.hpp"

#include <bit>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/models.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

std::string floats(std::initializer_list<float> values) {
  std::string bytes;
  for (const float value : values) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      bytes += static_cast<char>(std::bit_cast<std::uint32_t>(value) >> shift & 0xFFU);
    }
  }
  return bytes;
}

// Each type of attribute, dimension and element.
OnnxModel small_model() {
  const std::vector<std::int64_t> pads = {0, -1};
  return {.producer = "mnist",
          .producer_version = "0.1.0",
          .description = "d",
          .graph = "g",
          .inputs = {{"x", OnnxType::uint8, {"N", std::int64_t{300}}}},
          .outputs = {{"y", OnnxType::float32, {"N", std::int64_t{2}}}},
          .initializers = {{"w", OnnxType::float32, {2, 1}, floats({0.5F, -2})},
                           {"s", OnnxType::float32, {}, floats({255})}},
          .nodes = {{"Cast", "cast", {"x"}, {"a"}, {{"to", std::int64_t{1}}}},
                    {"HardSigmoid", "h", {"a"}, {"b"}, {{"alpha", 0.25F}}},
                    {"Conv", "c", {"b", "w"}, {"y"}, {{"pads", pads}}}},
          .metadata = {{"arch", "cnn"}}};
}

// What onnx 1.23.2 makes with onnx.helper and SerializeToString.
TEST(OnnxFile, HasTheBytesOfThePackageOnnx) {
  EXPECT_EQ(hex(to_onnx(small_model())),
            "080812056d6e6973741a05302e312e303201643ac6010a1d0a01781201611a04636173742204436173742a090a02746f1801"
            "a001020a270a01611201621a0168220b486172645369676d6f69642a0f0a05616c706861150000803ea001010a2a0a01620a"
            "01771201791a01632204436f6e762a160a0470616473400040ffffffffffffffffff01a001071201672a1308020801100142"
            "01774a080000003f000000c02a0b10014201734a0400007f435a150a017812100a0e0802120a0a0312014e0a0308ac026214"
            "0a0179120f0a0d080112090a0312014e0a02080242040a001011720b0a04617263681203636e6e");
}

TEST(OnnxFile, IsRefusedAsAModelByName) {
  const test::TemporaryFolder folder;
  const auto refusal = [&](const std::string& name, const std::string& content) {
    test::write_file(folder / name, content);
    return test::refusal_of(folder / name);
  };
  const auto by_name = ::testing::HasSubstr("is an ONNX model, which this program writes but does not read");
  EXPECT_THAT(refusal("renamed.pt", to_onnx(small_model())), by_name);
  EXPECT_THAT(refusal("of_pytorch.pt",
                      "\x08\x08\x12\x07pytorch\x1a\x05"
                      "2.9.0:"),
              by_name);
  EXPECT_THAT(refusal("odd.onnx", "\x3a\x01\x02"), ::testing::HasSubstr("has the name of an ONNX model"));
  EXPECT_THAT(refusal("picture.onnx", "\x89PNG\r\n\x1a\n...."), ::testing::HasSubstr("is a PNG image"));
  EXPECT_THAT(refusal("cut.pt", "\x08\x08\x12\x07pyt"), ::testing::HasSubstr("is not a model file"));
  EXPECT_THAT(refusal("text.pt", std::string("\x08\x08\x12\x02\x01\x02\x1a", 7)), ::testing::HasSubstr("not a model"));
}

}  // namespace
}  // namespace mnist
