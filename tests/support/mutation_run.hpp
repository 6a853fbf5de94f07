// Runs a reader on mutated files: it must accept each file or reject it with an `Error`, in bounded time and memory.
// MNIST_MUTATIONS sets the number of mutations (`mutation_count`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "support/memory_limit.hpp"
#include "support/mutate.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {

struct MutationRun {
  std::uint64_t seed = 0;
  std::vector<std::string> inputs;  // contents of whole files, mutated in turn
  std::function<void(const std::filesystem::path&)> read;
  void (*repair)(std::uint8_t* data,
                 std::size_t size) = nullptr;       // from `checksums.hpp`; applied to seven of eight files
  std::uint64_t memory = std::uint64_t{256} << 20;  // bytes, in addition to the present memory
  ErrorKind refusal = ErrorKind::data;
};

// CPU seconds of this thread, because the machine may be busy.
inline double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

inline void expect_read_or_refused(const MutationRun& run) {
  constexpr double kMostSeconds = 5;
  constexpr std::uint64_t kOneUnrepaired = 8;
  const std::uint64_t count = mutation_count(run.inputs.size());
  const TemporaryFolder folder;
  const MemoryLimit limit(run.memory);
  std::uint64_t read = 0;
  std::uint64_t refused = 0;
  for (std::uint64_t index = 0; index < count; ++index) {
    std::string bytes = mutated(run.seed, index, run.inputs[index % run.inputs.size()]);
    if (run.repair != nullptr && index / run.inputs.size() % kOneUnrepaired > 0) {
      run.repair(reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size());
    }
    const auto path = folder / "input";
    std::filesystem::remove(path);  // some file systems wait for the disk when a file is overwritten
    write_file(path, bytes);
    const double begin = thread_seconds();
    try {
      run.read(path);
      ++read;
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(error.kind(), run.refusal) << "mutation " << index << ": " << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << "mutation " << index;
    } catch (const std::exception& exception) {
      ADD_FAILURE() << "mutation " << index << " of seed " << run.seed << ": " << exception.what();
    }
    EXPECT_LE(thread_seconds() - begin, kMostSeconds) << "mutation " << index << " of seed " << run.seed;
  }
  // Otherwise the mutations are too weak or too strong.
  EXPECT_GT(read, 0U);
  EXPECT_GT(refused, 0U);
}

}  // namespace mnist::test
