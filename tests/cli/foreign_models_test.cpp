// What the commands make of model files of other programs, of damaged ones, and of those that were made to do harm.
#include <chrono>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"

#include "support/legacy_stream.hpp"
#include "support/memory_limit.hpp"
#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The contents of a legacy file: dicts of tensors by key, and whatever else.
class LegacyCheckpoint {
 public:
  LegacyCheckpoint& add(const std::string& key, const StateDict& state, const std::string& prefix = "") {
    std::string dict = "}";
    for (const auto& [name, tensor] : state) dict += pickle::item(prefix + name, value_of(tensor));
    return add(key, dict);
  }
  LegacyCheckpoint& add(const std::string& key, const std::string& value) {
    items_ += pickle::item(key, value);
    return *this;
  }
  std::string file() const { return legacy_file("}" + items_, storages_); }

 private:
  std::string value_of(const at::Tensor& tensor) {
    using namespace pickle;
    const at::Tensor dense = tensor.detach().contiguous();
    const char* const type = dense.is_floating_point() ? "FloatStorage" : "CharStorage";
    const auto integers = [](at::IntArrayRef values) {
      std::string tuple = "(";
      for (const auto value : values) tuple += integer(value);
      return tuple + "t";
    };
    const std::string key = std::to_string(storages_.size());
    storages_.push_back({key,
                         static_cast<std::uint64_t>(dense.numel()),
                         {static_cast<const char*>(dense.const_data_ptr()), dense.nbytes()}});
    return pickle::tensor(storage(dense.numel(), type, key), 0, integers(dense.sizes()), integers(dense.strides()));
  }

  std::string items_;
  std::vector<LegacyStorage> storages_;
};

std::string class_names(const std::vector<std::string>& names) {
  std::string list = "]";
  for (const std::string& name : names) list += pickle::text(name) + "a";
  return list;
}

class ForeignModels : public ::testing::Test {
 protected:
  ForeignModels() {
    write_small_mnist(folder_ / "data", 40, 10);
    write_png(folder_ / "digit.png", at::zeros({28, 28, 1}, at::kByte));
  }

  static StateDict new_state(double add = 0) {
    StateDict state = state_dict(*make_network(model_info("lenet"), 10, 3));
    for (auto& [name, tensor] : state) tensor = tensor.detach() + add;
    return state;
  }

  SubprocessResult mnist(const std::vector<std::string>& arguments) {
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    return run(process);
  }
  SubprocessResult infer(const std::string& model) {
    return mnist({"infer", "--model", model, "digit.png", "--device", "cpu", "--top-k", "2"});
  }

  TemporaryFolder folder_;
};

TEST_F(ForeignModels, AveragedWeightsAreTakenAndItIsSaid) {
  write_file(folder_ / "plain.pt", LegacyCheckpoint().add("state_dict", new_state(0.01)).file());
  write_file(folder_ / "ema.pt", LegacyCheckpoint()
                                     .add("model", new_state())
                                     .add("args", "cargparse\nNamespace\n)\x81}b")
                                     .add("model_ema", new_state(0.01), "module._orig_mod.")
                                     .file());
  const SubprocessResult averaged = infer("ema.pt");
  EXPECT_EQ(averaged.exit_code, 0) << averaged.err;
  EXPECT_EQ(averaged.out, infer("plain.pt").out);
  const auto said =
      AllOf(HasSubstr("the weights are those under 'model_ema'; others, which are not used, are under 'model'\n"),
            HasSubstr("ignored: argparse.Namespace\n"), HasSubstr("'module._orig_mod.' is removed"));
  EXPECT_THAT(averaged.err, said);
  const SubprocessResult info = mnist({"info", "ema.pt"});
  EXPECT_THAT(info.out, AllOf(said, HasSubstr("network: lenet (found from its tensors)\n")));
  EXPECT_EQ(info.err, "");
  const auto json = nlohmann::json::parse(mnist({"info", "ema.pt", "--format", "json"}).out);
  EXPECT_EQ(json["notes"].size(), 3U);
  EXPECT_EQ(json["warnings"].size(), 0U);
}

TEST_F(ForeignModels, InfoSaysWhichDictOfAPythonFileItTook) {
  const auto note_of = [&](const std::string& file) {
    return mnist({"info", (fixture("models") / file).string()}).out;
  };
  EXPECT_THAT(note_of("lightning.ckpt"), HasSubstr("note: the weights are those under 'state_dict'\n"));
  EXPECT_THAT(note_of("lightning_legacy.ckpt"), HasSubstr("note: the weights are those under 'state_dict'\n"));
  EXPECT_THAT(note_of("timm.pth"), HasSubstr("note: the weights are those under 'state_dict_ema'; others"));
  EXPECT_THAT(note_of("torchvision.pth"), HasSubstr("note: the weights are those under 'model_ema'; others"));
  EXPECT_THAT(note_of("cifar.pth"), HasSubstr("note: the weights are those under 'net'\n"));
  EXPECT_THAT(note_of("net.safetensors"), HasSubstr("note: the prefix 'net.' is removed from all names\n"));
  EXPECT_THAT(note_of("state.pt"), Not(HasSubstr("note: ")));
}

TEST_F(ForeignModels, ClassNamesThatDoNotFitAreSaid) {
  write_file(folder_ / "three.pt",
             LegacyCheckpoint().add("state_dict", new_state()).add("class_names", class_names({"a", "b", "c"})).file());
  const auto said = HasSubstr("its class_names are 3, but the network has 10 outputs: they are not used\n");
  const SubprocessResult inferred = infer("three.pt");
  EXPECT_EQ(inferred.exit_code, 0);
  EXPECT_THAT(inferred.err, AllOf(HasSubstr("warning: "), said));
  EXPECT_THAT(mnist({"evaluate", "--model", "three.pt", "--data-dir", "data", "--device", "cpu"}).err, said);
  EXPECT_THAT(mnist({"info", "three.pt"}).out, AllOf(HasSubstr("\nwarning: "), said));
}

TEST_F(ForeignModels, WeightsThatAreNotFiniteAreRefused) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    StateDict state = new_state();
    state[2].second.view(-1)[100] = bad;
    const std::string name = state[2].first;
    write_file(folder_ / "bad.pt", LegacyCheckpoint().add("state_dict", state).file());
    const auto said = AllOf(HasSubstr("error: the weights in 'bad.pt' are not finite numbers: tensor '" + name + "'"),
                            HasSubstr("hint: "));
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"infer", "--model", "bad.pt", "digit.png"},
          {"evaluate", "--model", "bad.pt", "--data-dir", "data"},
          {"train", "--arch", "lenet", "--data-dir", "data", "--weights", "bad.pt", "--dry-run"}}) {
      const SubprocessResult result = mnist(command);
      EXPECT_EQ(result.exit_code, 3) << command[0];
      EXPECT_EQ(result.out, "") << command[0];
      EXPECT_THAT(result.err, said) << command[0];
    }
    const SubprocessResult info = mnist({"info", "bad.pt"});
    EXPECT_EQ(info.exit_code, 0);
    EXPECT_THAT(info.out, HasSubstr("\nwarning: tensor '" + name + "' holds NaN or an infinity\n"));
  }
}

TEST_F(ForeignModels, WeightsThatAreIntegersAreRefused) {
  StateDict state = new_state();
  state[0].second = state[0].second.to(at::kChar);
  write_file(folder_ / "quantized.pt", LegacyCheckpoint().add("state_dict", state).file());
  const SubprocessResult result = infer("quantized.pt");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("error: 'quantized.pt' stores the weight '" + state[0].first + "' as integers"));
}

TEST_F(ForeignModels, ARunDirectoryIsNoModelAndItsWeightsAreNamed) {
  std::filesystem::create_directories(folder_ / "runs" / "lenet-1");
  const auto expect_hint = [&](const std::string& hint) {
    const std::string error = "error: model file 'runs/lenet-1' is a folder\nhint: " + hint + "\n";
    for (const SubprocessResult& result : {infer("runs/lenet-1"), mnist({"info", "runs/lenet-1"})}) {
      EXPECT_EQ(result.exit_code, 3);
      EXPECT_THAT(result.err, HasSubstr(error));
    }
  };
  expect_hint("give a file in it");
  write_file(folder_ / "runs" / "lenet-1" / "last.pt", "");
  expect_hint("give a file in it: 'runs/lenet-1/last.pt'");
  write_file(folder_ / "runs" / "lenet-1" / "best.pt", "");
  expect_hint("give a file in it: 'runs/lenet-1/best.pt' or 'runs/lenet-1/last.pt'");
}

TEST_F(ForeignModels, APlainStateDictOfTheSameNetworkKeepsItsLastLayer) {
  const auto train = [&](const std::string& weights) {
    return mnist({"train", "--arch", "lenet", "--data-dir", "data", "--weights", weights, "--epochs", "1", "--lr", "0",
                  "--output", "out.pt", "--run-dir", weights + ".run", "--device", "cpu"});
  };
  write_file(folder_ / "plain.pt", LegacyCheckpoint().add("state_dict", new_state()).file());
  const SubprocessResult kept = train("plain.pt");
  ASSERT_EQ(kept.exit_code, 0) << kept.err;
  EXPECT_THAT(kept.err, HasSubstr("the last layer, too, because it has one output per class\n"));
  const StateDict before = new_state();
  const StateDict after = read_model_file(folder_ / "out.pt").state;
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_TRUE(at::equal(before[i].second, after[i].second));

  const StateDict of_three = state_dict(*make_network(model_info("lenet"), 3, 3));
  write_file(folder_ / "three.pt", LegacyCheckpoint().add("state_dict", of_three).file());
  EXPECT_THAT(train("three.pt").err, HasSubstr("'three.pt'; the last layer is new\n"));
}

struct Greedy {
  const char* name;
  std::function<void(const std::filesystem::path&)> write;
  const char* refusal;
};

std::ostream& operator<<(std::ostream& out, const Greedy& greedy) {
  return out << greedy.name;
}

std::string repeated(const std::string& part, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += part;
  return text;
}

// `data`: bytes of tensors, which take no room on the disk.
void write_safetensors(const std::filesystem::path& path, const std::string& header, std::uintmax_t data = 8) {
  write_file(path, pickle::little_endian(header.size(), 8) + header);
  std::filesystem::resize_file(path, 8 + header.size() + data);
}

void write_sparse(const std::filesystem::path& path, const std::string& begin) {
  write_file(path, begin);
  std::filesystem::resize_file(path, std::uintmax_t{4} << 30);
}

// Small files that claim or cause much, and large ones: each took between 0.5 and 8 GB, some minutes, or both.
class GreedyFiles : public ::testing::TestWithParam<Greedy> {};

TEST_P(GreedyFiles, AreRefusedInLittleMemoryAndTime) {
  const TemporaryFolder folder;
  GetParam().write(folder / "x.pt");
  Subprocess info = program(MNIST_BINARY, {"info", "x.pt"});
  info.folder = folder.path();
  info.limit = std::chrono::seconds(30);
  const SubprocessResult result = run(info);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, AllOf(StartsWith("error: "), HasSubstr(GetParam().refusal)));
  if (kMemoryIsCounted) {
    EXPECT_LE(result.peak_memory, std::size_t{512} << 20);
  }
}

const std::string kTensor = R"({"dtype":"F32","shape":[)";

INSTANTIATE_TEST_SUITE_P(
    All, GreedyFiles,
    ::testing::Values(
        Greedy{"header of brackets",
               [](const auto& path) {
                 write_safetensors(path, "{\"a\":" + kTensor + repeated("[],", 5'000'000) + "0]}}");
               },
               "more than 1000000 values"},
        Greedy{"header of 20 MB",
               [](const auto& path) { write_safetensors(path, "{" + repeated(" ", 20'000'000) + "}"); },
               "its header would have 20000002 bytes"},
        Greedy{"header of members",
               [](const auto& path) {
                 std::string header = "{";
                 for (int i = 0; i < 1'000'000; ++i) header += fmt::format("\"{:x}\":{{}},", i);
                 write_safetensors(path, header + "\"x\":{}}");
               },
               "more than 1000000 values"},
        Greedy{"tensors of 1 GB",
               [](const auto& path) {
                 write_safetensors(path, "{\"a\":" + kTensor + "250000000],\"data_offsets\":[0,1000000000]}}",
                                   1'000'000'000);
               },
               "is too large: the limit is 256 MiB"},
        Greedy{"sparse safetensors",
               [](const auto& path) { write_sparse(path, std::string("\x10\0\0\0\0\0\0\0{}", 10)); },
               "is too large: the limit is 1024 MiB"},
        Greedy{"sparse picture", [](const auto& path) { write_sparse(path, "\x89PNG\r\n\x1a\n"); }, "is a PNG image"},
        Greedy{"sparse archive", [](const auto& path) { write_sparse(path, "PK\x03\x04"); },
               "is too large: the limit is 1024 MiB"},
        Greedy{"sparse nothing", [](const auto& path) { write_sparse(path, "\0"); }, "is not a model file"},
        Greedy{"marks", [](const auto& path) { write_file(path, legacy_file(repeated("(", 15'000'000), {})); },
               "more than 1000000 values"},
        Greedy{"lists",
               [](const auto& path) {
                 write_file(path, legacy_file(std::string(1, '(') + repeated("]q\x01", 990'000) + "t", {}));
               },
               "holds no dict of tensors"},
        Greedy{"memo",
               [](const auto& path) {
                 std::string contents = "}";
                 for (std::uint64_t i = 0; i < 900'000; ++i)
                   contents.append(1, 'r').append(pickle::little_endian(i, 4));
                 write_file(path, legacy_file(contents, {}));
               },
               "holds an empty dict"},
        Greedy{"one element repeated",
               [](const auto& path) {
                 using namespace pickle;
                 const auto many = tensor(storage(4), 0, tuple(integer(1 << 30)), tuple(integer(0)));
                 write_file(path, legacy_file("}" + item("a", many), {{"0", 4, std::string(16, '\0')}}));
               },
               "needs more memory than the file has bytes"},
        Greedy{"one storage read many times",
               [](const auto& path) {
                 using namespace pickle;
                 constexpr std::int64_t kCount = 10'000'000;
                 std::string contents = "}";
                 for (int i = 0; i < 100; ++i) {
                   contents += item(std::to_string(i),
                                    tensor(storage(kCount), 0, tuple(integer(2)), tuple(integer(kCount - 1))));
                 }
                 write_file(path, legacy_file(contents, {{"0", kCount, std::string(4 * kCount, '\0')}}));
               },
               "needs more memory than the file has bytes"}));

}  // namespace
}  // namespace mnist::test
