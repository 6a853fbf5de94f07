// The reader of config files with files that nobody would write.
#include "toml.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "support/mutation_run.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

constexpr const char* kConfig = R"(log-level = "info"
[train]
epochs = 3
lr = 1e-3
"batch-size" = 0x10
images = ["a.png", 'b\.png', "\u00e9\n"]
dry-run = true
text = """
two
lines"""
[infer]
top-k = +2
)";

TEST(TomlMutations, AreReadOrRefused) {
  MutationRun run{.seed = 8, .inputs = {kConfig, "train.epochs = 3\ntrain.lr = inf\n"}};
  run.read = [](const std::filesystem::path& path) { cli::parse_toml(content_of(path), "test"); };
  run.refusal = ErrorKind::usage;
  expect_read_or_refused(run);
}

}  // namespace
}  // namespace mnist::test
