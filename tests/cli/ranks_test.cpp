// Runs by several processes: started by --procs, or told by a launcher's variables what they are.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/distributed/loopback.hpp"

#include "place.hpp"
#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class RanksRun : public ::testing::Test {
 protected:
  RanksRun() { write_small_mnist(folder_ / "data", 200, 50); }

  Subprocess command(const std::vector<std::string>& more, const std::map<std::string, std::string>& changes = {}) {
    std::vector<std::string> arguments = {"train", "--arch",       "lenet", "--device", "cpu",  "--epochs",
                                          "2",     "--batch-size", "10",    "--lr",     "0.01", "--log-interval",
                                          "1",     "--threads",    "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Subprocess process = program(MNIST_BINARY, arguments, changes);
    process.folder = folder_.path();
    return process;
  }

  // The losses in metrics.jsonl of the first epoch.
  std::vector<double> losses(const std::string& run_dir) {
    std::vector<double> result;
    std::istringstream rows(content_of(folder_ / run_dir / "metrics.jsonl"));
    for (std::string row; std::getline(rows, row);) {
      const auto json = nlohmann::json::parse(row);
      if (json.at("kind") == "train") result.push_back(json.at("loss"));
    }
    return result;
  }

  void expect_near(const std::vector<double>& one, const std::vector<double>& other) {
    ASSERT_EQ(one.size(), other.size());
    for (std::size_t step = 0; step < one.size(); ++step) EXPECT_NEAR(one[step], other[step], 1e-5) << step;
  }

  // Sends it to the processes in `folder_` that were started with this variable and value, which is not their first.
  void signal_those_with(const std::string& variable, int signal) {
    const std::string wanted = std::string(1, '\0') + variable + '\0';
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "environ");  // not there, or another user's
      const std::string environment(std::istreambuf_iterator<char>(file), {});
      if (environment.find(wanted) == std::string::npos) continue;
      std::error_code ignored;
      if (std::filesystem::read_symlink(entry.path() / "cwd", ignored) != folder_.path()) continue;
      ::kill(std::stoi(entry.path().filename()), signal);
    }
  }

  // What a launcher would do: each rank a process of its own.
  std::vector<SubprocessResult> launch(int size,
                                       const std::function<std::map<std::string, std::string>(int)>& variables,
                                       const std::vector<std::string>& more) {
    std::vector<SubprocessResult> results(static_cast<std::size_t>(size));
    std::vector<std::thread> threads;
    threads.reserve(static_cast<std::size_t>(size));
    for (int rank = 0; rank < size; ++rank) {
      threads.emplace_back(
          [&, rank] { results[static_cast<std::size_t>(rank)] = run(command(more, variables(rank))); });
    }
    for (std::thread& thread : threads) thread.join();
    return results;
  }

  TemporaryFolder folder_;
};

TEST_F(RanksRun, ByProcsIsTheRunOfOne) {
  const SubprocessResult one = run(command({"--run-dir", "one", "--output", "one.pt"}));
  const SubprocessResult two = run(command({"--run-dir", "two", "--output", "two.pt", "--procs", "2"}));
  const SubprocessResult three = run(command({"--run-dir", "three", "--output", "three.pt", "--procs", "3"}));
  ASSERT_EQ(one.exit_code, 0) << one.err;
  ASSERT_EQ(two.exit_code, 0) << two.err;
  ASSERT_EQ(three.exit_code, 0) << three.err;
  expect_near(losses("one"), losses("two"));
  expect_near(losses("one"), losses("three"));
  // Rank 0 alone prints.
  const auto lines = [](const SubprocessResult& result) { return std::ranges::count(result.out, '\n'); };
  EXPECT_EQ(lines(one), lines(two));
  EXPECT_EQ(lines(one), lines(three));
  EXPECT_THAT(two.err, HasSubstr("2 processes: this one waited "));
  EXPECT_EQ(nlohmann::json::parse(content_of(folder_ / "three" / "manifest.json")).at("ranks"), 3);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "runs"));
}

TEST_F(RanksRun, ContinuesWithAnotherNumberOfProcesses) {
  const SubprocessResult whole = run(command({"--run-dir", "whole", "--procs", "2"}));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  Subprocess process = command({"--run-dir", "run", "--procs", "2"});
  process.signal_when = [](const std::string& out) { return out.find("Train Epoch: 1 [50/") != std::string::npos; };
  process.signal = SIGTERM;
  const SubprocessResult stopped = run(process);
  ASSERT_EQ(stopped.exit_code, 143) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("stopped by SIGTERM after 0 of 2 epochs"));
  const SubprocessResult same =
      run(command({"--run-dir", "run", "--resume", "auto", "--procs", "2", "--stop-after", "0.001s"}));
  EXPECT_EQ(same.exit_code, 85) << same.err;
  EXPECT_THAT(same.err, Not(HasSubstr("up to rounding")));
  const SubprocessResult alone = run(command({"--resume", "run"}));
  EXPECT_EQ(alone.exit_code, 0) << alone.err;
  EXPECT_THAT(alone.err, HasSubstr("continues with processes 1 instead of 2: its results are equal up to rounding"));
  expect_near(losses("whole"), losses("run"));
}

TEST_F(RanksRun, ContinuesBitForBitWithTheSameNumber) {
  ASSERT_EQ(run(command({"--run-dir", "whole", "--procs", "2"})).exit_code, 0);
  for (int part = 0; part < 3; ++part) {
    const SubprocessResult stopped =
        run(command({"--run-dir", "run", "--resume", "auto", "--procs", "2", "--stop-after", "0.001s"}));
    ASSERT_EQ(stopped.exit_code, 85) << stopped.err;
  }
  const SubprocessResult end = run(command({"--run-dir", "run", "--resume", "auto", "--procs", "2"}));
  ASSERT_EQ(end.exit_code, 0) << end.err;
  for (const char* file : {"metrics.jsonl", "metrics.csv", "last.pt", "best.pt"}) {
    EXPECT_TRUE(content_of(folder_ / "whole" / file) == content_of(folder_ / "run" / file)) << file;
  }
  const SubprocessResult again = run(command({"--run-dir", "run", "--resume", "auto", "--procs", "2"}));
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("is finished"));
}

TEST_F(RanksRun, TellsOnceThatAProcessIsKilled) {
  Subprocess process = command({"--run-dir", "run", "--procs", "3", "--epochs", "50", "--timeout", "10"});
  const std::filesystem::path run_dir = folder_ / "run";
  process.signal_when = [&](const std::string& out) {
    if (out.find("Train Epoch: 2 [50/") == std::string::npos) return false;
    // Of the children of the process that works.
    signal_those_with("RANK=1", SIGKILL);
    return true;
  };
  process.signal = 0;
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 75) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("rank 1 was killed by signal 9"), HasSubstr("error: rank 1 ("),
                                HasSubstr("of 3 is gone: "), HasSubstr("the last good checkpoint: ")));
  EXPECT_EQ(result.err.find("error:"), result.err.rfind("error:"));
  EXPECT_THAT(nlohmann::json::parse(content_of(run_dir / "manifest.json")).at("outcome").get<std::string>(),
              HasSubstr("interrupted: rank 1 ("));
}

TEST_F(RanksRun, StopWhenTheProcessThatStartedThemIsKilled) {
  Subprocess process = command({"--run-dir", "run", "--procs", "2", "--epochs", "50"});
  process.signal_when = [](const std::string& out) { return out.find("Train Epoch: 1 [50/") != std::string::npos; };
  process.signal = SIGKILL;
  const SubprocessResult result = run(process);  // until the last of them closes its stdout
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
  EXPECT_FALSE(result.timed_out);
  EXPECT_THAT(result.err, HasSubstr("s after SIGTERM; to resume: "));
  EXPECT_THAT(nlohmann::json::parse(content_of(folder_ / "run" / "manifest.json")).at("outcome"), "interrupted");
}

TEST_F(RanksRun, TellOnceWhatIsWrongForAll) {
  const SubprocessResult result = run(command({"--procs", "2", "--data-dir", "nowhere"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err.find("error:"), result.err.rfind("error:")) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("nowhere"), Not(HasSubstr("rank"))));
}

TEST_F(RanksRun, TakeTheirPlacesFromALauncher) {
  ASSERT_EQ(run(command({"--run-dir", "one"})).exit_code, 0);
  const Listener free = listen_on_loopback(0);
  ::close(free.descriptor);
  const std::string port = std::to_string(free.port);
  const auto torchrun = [&](int rank) {
    return std::map<std::string, std::string>{{"RANK", std::to_string(rank)},       {"WORLD_SIZE", "2"},
                                              {"LOCAL_RANK", std::to_string(rank)}, {"LOCAL_WORLD_SIZE", "2"},
                                              {"MASTER_ADDR", "127.0.0.1"},         {"MASTER_PORT", port}};
  };
  const auto mpirun = [&](int rank) {
    const std::string number = std::to_string(rank);
    return std::map<std::string, std::string>{{"OMPI_COMM_WORLD_RANK", number},
                                              {"OMPI_COMM_WORLD_SIZE", "2"},
                                              {"OMPI_COMM_WORLD_LOCAL_RANK", number},
                                              {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                                              {"PMIX_NAMESPACE", folder_.path()}};
  };
  const auto srun = [&](int rank) {
    const std::string number = std::to_string(rank);
    return std::map<std::string, std::string>{{"SLURM_PROCID", number},      {"SLURM_STEP_NUM_TASKS", "2"},
                                              {"SLURM_NTASKS", "2"},         {"SLURM_LOCALID", number},
                                              {"SLURM_STEP_NUM_NODES", "1"}, {"SLURM_JOB_ID", folder_.path()},
                                              {"SLURM_STEP_ID", "0"}};
  };
  const std::map<std::string, std::function<std::map<std::string, std::string>(int)>> launchers = {
      {"torchrun", torchrun}, {"mpirun", mpirun}, {"srun", srun}};
  for (const auto& [name, variables] : launchers) {
    const auto results = launch(2, variables, {"--run-dir", name});
    ASSERT_EQ(results[0].exit_code, 0) << name << results[0].err;
    EXPECT_EQ(results[1].exit_code, 0) << name << results[1].err;
    EXPECT_EQ(results[1].out + results[1].err, "") << name;
    expect_near(losses("one"), losses(name));
  }
}

TEST_F(RanksRun, HaveTheSameOptions) {
  const Listener free = listen_on_loopback(0);
  ::close(free.descriptor);
  const auto variables = [&](int rank) {
    return std::map<std::string, std::string>{{"RANK", std::to_string(rank)},
                                              {"WORLD_SIZE", "2"},
                                              {"LOCAL_WORLD_SIZE", "2"},
                                              {"MASTER_PORT", std::to_string(free.port)},
                                              {"MNIST_DEVICE", rank == 0 ? "cpu" : "auto"}};
  };
  SubprocessResult other;
  std::thread rank_1([&] { other = run(command({"--lr", "0.02"}, variables(1))); });
  const SubprocessResult first = run(command({}, variables(0)));
  rank_1.join();
  EXPECT_EQ(first.exit_code, 2) << first.err;
  EXPECT_EQ(other.exit_code, 2) << other.err;
  EXPECT_THAT(other.err,
              HasSubstr("rank 1: the options differ from those of rank 0: 'lr = 0.02' instead of 'lr = 0.01'"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "runs"));
}

TEST_F(RanksRun, AreNotSeenWhereThereIsOneProcess) {
  // A batch script outside of srun; one that was submitted within a step of two tasks; independent tasks of srun.
  const std::map<std::string, std::string> batch = {
      {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}, {"SLURM_JOB_ID", "7"}};
  std::map<std::string, std::string> left_over = batch;
  left_over["SLURM_NTASKS"] = "1";
  left_over["SLURM_STEP_NUM_TASKS"] = "2";
  std::map<std::string, std::string> task = batch;
  task["SLURM_STEP_NUM_TASKS"] = "2";
  EXPECT_EQ(run(command({"--dry-run"}, batch)).exit_code, 0);
  EXPECT_EQ(run(command({"--dry-run"}, left_over)).exit_code, 0);
  EXPECT_EQ(run(command({"--dry-run", "--procs", "1"}, task)).exit_code, 0);
}

TEST_F(RanksRun, OfOneProcessStopsByASignalAndItsCopy) {
  const std::map<std::string, std::string> task = {
      {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_JOB_ID", "7"}};
  Subprocess process = command({"--run-dir", "run", "--epochs", "50", "--procs", "1"}, task);
  process.signal_when = [&](const std::string& out) {
    if (out.find("Train Epoch: 1 [50/") == std::string::npos) return false;
    signal_those_with("SLURM_JOB_ID=7", SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // two that wait would be one
    signal_those_with("SLURM_JOB_ID=7", SIGTERM);
    return true;
  };
  process.signal = 0;
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 143) << result.err;
  EXPECT_THAT(result.err, HasSubstr("s after SIGTERM; to resume: "));
}

TEST_F(RanksRun, SayWhatIsWrongWithAPlace) {
  const auto error_of = [&](const std::map<std::string, std::string>& changes, const std::vector<std::string>& more) {
    const SubprocessResult result = run(command(more, changes));
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_THAT(error_of({{"RANK", "2"}, {"WORLD_SIZE", "2"}}, {}),
              HasSubstr("RANK is '2', which is not a number from 0 to 1"));
  EXPECT_THAT(error_of({{"RANK", "0"}, {"WORLD_SIZE", "many"}}, {}), HasSubstr("WORLD_SIZE is 'many'"));
  EXPECT_THAT(error_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_WORLD_SIZE", "1"}}, {}),
              HasSubstr("MASTER_ADDR does not say"));
  EXPECT_THAT(error_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_WORLD_SIZE", "2"}}, {"--procs", "3"}),
              HasSubstr("--procs 3 contradicts torchrun, which has started 2 processes"));
}

TEST_F(RanksRun, SayThatAnotherOneDoesNotCome) {
  const Listener free = listen_on_loopback(0);
  ::close(free.descriptor);
  const SubprocessResult result = run(command(
      {"--timeout", "10"},
      {{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_WORLD_SIZE", "2"}, {"MASTER_PORT", std::to_string(free.port)}}));
  EXPECT_EQ(result.exit_code, 75);
  EXPECT_THAT(result.err, HasSubstr("rank 1 (never came) of 2 is gone: 1 of 2 ranks connected in time"));
}

TEST(FirstHost, OfSlurmsLists) {
  EXPECT_EQ(cli::first_host("node7"), "node7");
  EXPECT_EQ(cli::first_host("node7,node9"), "node7");
  EXPECT_EQ(cli::first_host("node[01-04,7],m3"), "node01");
  EXPECT_EQ(cli::first_host("node[3,5]"), "node3");
  EXPECT_EQ(cli::first_host("login,node[3,5]"), "login");
}

}  // namespace
}  // namespace mnist::test
