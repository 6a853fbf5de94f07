// Model repositories of Triton: texts, versions, and what is never replaced. scripts/check_onnx reads the configuration
// with Triton's own schema.
#include "mnist/export/triton.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "support/faulty_files.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::content_of;
using ::testing::HasSubstr;

OnnxModel pixels_to_probabilities() {
  return {.graph = "g",
          .inputs = {{"pixels", OnnxType::uint8, {"N", std::int64_t{3}, std::int64_t{224}, std::int64_t{200}}}},
          .outputs = {{"probabilities", OnnxType::float32, {"N", std::int64_t{2}}}}};
}

TEST(Triton, ConfigurationHasNoBatchSize) {
  EXPECT_EQ(triton_config({"bees", {"a", "b"}, 8}, pixels_to_probabilities()), R"(name: "bees"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [
  {
    name: "pixels"
    data_type: TYPE_UINT8
    dims: [ 3, 224, 200 ]
  }
]
output [
  {
    name: "probabilities"
    data_type: TYPE_FP32
    dims: [ 2 ]
    label_filename: "labels.txt"
  }
]
dynamic_batching { }
)");
}

TEST(Triton, LabelsAreOneALine) {
  EXPECT_EQ(triton_labels({"bees", {"ants", "two\nlines", "Käse"}}), "ants\ntwo\\x0alines\nKäse\n");
}

TEST(Triton, NamesAreThoseOfFolders) {
  for (const char* name : {"mnist_cnn", "a", "resnet18.v2-x"}) EXPECT_TRUE(is_triton_name(name)) << name;
  for (const char* name : {"", ".", "..", ".x", "a/b", "a b", "ä", "a\"b"}) EXPECT_FALSE(is_triton_name(name)) << name;
  EXPECT_FALSE(is_triton_name(std::string(101, 'a')));
}

class TritonRepository : public ::testing::Test {
 protected:
  TritonVersion write(bool overwrite = false) {
    return write_triton(folder_ / "models", model_, pixels_to_probabilities(), overwrite, disk_);
  }

  test::TemporaryFolder folder_;
  TritonModel model_ = {"bees", {"a", "b"}};
  test::FullDisk disk_;
};

TEST_F(TritonRepository, GetsTheNextVersion) {
  const TritonVersion first = write();
  EXPECT_EQ(first.number, 1);
  EXPECT_EQ(first.folder, folder_ / "models" / "bees" / "1");
  EXPECT_TRUE(content_of(first.folder / "model.onnx") == to_onnx(pixels_to_probabilities()));
  EXPECT_EQ(content_of(folder_ / "models" / "bees" / "labels.txt"), "a\nb\n");
  EXPECT_THAT(content_of(folder_ / "models" / "bees" / "config.pbtxt"), HasSubstr("max_batch_size: 64\n"));
  test::write_file(first.folder / "model.onnx", "mine");
  EXPECT_EQ(write().number, 2);
  EXPECT_EQ(content_of(first.folder / "model.onnx"), "mine");
  test::write_file(folder_ / "models" / "bees" / "7" / "notes.txt", "");
  test::write_file(folder_ / "models" / "bees" / "8x" / "notes.txt", "");
  EXPECT_EQ(write().number, 8) << "not the gap, and not another kind of folder";
}

TEST_F(TritonRepository, KeepsItsConfigurationUnlessAsked) {
  write();
  model_.class_names = {"c", "d"};
  try {
    write();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("bees/labels.txt' is there already, of another model or changed"));
    EXPECT_THAT(error.hint(), HasSubstr("--overwrite"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "models" / "bees" / "2"));
  EXPECT_EQ(write(/*overwrite=*/true).number, 2);
  EXPECT_EQ(content_of(folder_ / "models" / "bees" / "labels.txt"), "c\nd\n");
}

TEST_F(TritonRepository, HasNoEmptyVersionAfterAFailure) {
  write();
  disk_.fill(folder_ / "models" / "bees" / ".new");
  EXPECT_THROW(write(), Error);
  for (const char* name : {"2", ".new"}) {
    EXPECT_FALSE(std::filesystem::exists(folder_ / "models" / "bees" / name)) << name;
  }
}

}  // namespace
}  // namespace mnist
