#include "place.hpp"

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "mnist/core/error.hpp"

namespace mnist::cli {
namespace {

// The environment variables with which launchers number their processes.
struct Launcher {
  const char* name;
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* local_size;  // processes on this machine; "": only the number of machines is known
  const char* job;         // another for each job on a machine,
  const char* attempt;     // and for each start within it; "" where there is one
  const char* tasks;       // "", or what says the size as well if the variables are of this launch and not left over
};
constexpr std::array<Launcher, 4> kLaunchers = {{
    {"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID",
     "TORCHELASTIC_RESTART_COUNT", ""},
    {"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE", "PMIX_NAMESPACE", "", ""},
    // Variables of a step: a batch script has SLURM_PROCID, too, but srun did not start it. It may have inherited
    // variables of the step that called sbatch.
    {"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "", "SLURM_JOB_ID", "SLURM_STEP_ID",
     "SLURM_NTASKS"},
    {"mpiexec", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", "PMI_JOBID", "", ""},
}};

constexpr const char* kListener = "MNIST_STORE_LISTENER";

std::string variable(const char* name) {
  const char* const value = *name == '\0' ? nullptr : std::getenv(name);
  return value == nullptr ? "" : value;
}

const Launcher* find_launcher() {
  for (const Launcher& launcher : kLaunchers) {
    const std::string size = variable(launcher.size);
    if (variable(launcher.rank).empty() || size.empty()) continue;
    if (*launcher.tasks == '\0' || variable(launcher.tasks) == size) return &launcher;
  }
  return nullptr;
}

int number(const char* name, int lowest, int highest) {
  const std::string text = variable(name);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= lowest && value <= highest) return value;
  throw usage_error(fmt::format("the environment variable {} is '{}', which is not a number from {} to {}", name, text,
                                lowest, highest),
                    "the launcher sets it; if there is none, unset it");
}

// A different port for each job, so that jobs on one machine do not collide.
std::uint16_t port_of(const std::string& job) {
  constexpr std::uint32_t kFirst = 20'000;
  constexpr std::uint32_t kPorts = 10'000;  // below the ephemeral ports
  std::uint32_t hash = 2'166'136'261;       // FNV-1a
  for (const char c : job) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16'777'619U;
  return static_cast<std::uint16_t>(kFirst + hash % kPorts);
}

bool is_on_one_machine(const Launcher& launcher, int size) {
  if (!variable(launcher.local_size).empty()) return number(launcher.local_size, 1, size) == size;
  return variable("SLURM_STEP_NUM_NODES") == "1";
}

// The address of rank 0 on another machine.
std::string address_for(const Launcher& launcher) {
  if (std::string given = variable("MASTER_ADDR"); !given.empty()) return given;
  if (const std::string nodes = variable("SLURM_STEP_NODELIST"); !nodes.empty()) return first_host(nodes);
  throw usage_error(
      fmt::format("by {} and {} this is one of several processes that {} has started on several machines, "
                  "and MASTER_ADDR does not say which of them has rank 0",
                  launcher.rank, launcher.size, launcher.name),
      fmt::format("if they are left over from another command: unset {} {}; else give the name of that "
                  "machine to all ranks, as in: mpirun -x MASTER_ADDR=node1 ...",
                  launcher.rank, launcher.size));
}

Place place_by(const Launcher& launcher) {
  constexpr int kMostRanks = 100'000;
  Place place;
  place.launcher = launcher.name;
  place.size = number(launcher.size, 1, kMostRanks);
  place.rank = number(launcher.rank, 0, place.size - 1);
  if (place.size == 1) return place;
  if (!variable(launcher.local_rank).empty()) place.local_rank = number(launcher.local_rank, 0, place.size - 1);
  place.one_machine = is_on_one_machine(launcher, place.size);
  place.is_served = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
  place.address = place.one_machine ? "127.0.0.1" : address_for(launcher);
  // torchrun's store may be bound to another address of this machine.
  if (place.is_served) place.address = address_for(launcher);
  place.job = fmt::format("mnist/{}/{}", variable(launcher.job), variable(launcher.attempt));
  place.port = variable("MASTER_PORT").empty() ? port_of(place.job)
                                               : static_cast<std::uint16_t>(number("MASTER_PORT", 1, 65'535));
  if (place.rank == 0 && !variable(kListener).empty()) place.listener = number(kListener, 0, 1'000'000);
  place.interface = variable("GLOO_SOCKET_IFNAME");
  return place;
}

}  // namespace

std::string launcher_of_process() {
  const Launcher* const launcher = find_launcher();
  return launcher == nullptr ? "" : launcher->name;
}

Place place_of_process() {
  const Launcher* const launcher = find_launcher();
  return launcher == nullptr ? Place{} : place_by(*launcher);
}

std::vector<std::pair<std::string, std::string>> environment_of(int rank, int size, std::uint16_t port,
                                                                int descriptor) {
  return {{"RANK", std::to_string(rank)},
          {"WORLD_SIZE", std::to_string(size)},
          {"LOCAL_RANK", std::to_string(rank)},
          {"LOCAL_WORLD_SIZE", std::to_string(size)},
          {"MASTER_ADDR", "127.0.0.1"},
          {"MASTER_PORT", std::to_string(port)},
          {"TORCHELASTIC_USE_AGENT_STORE", ""},  // set by an outer torchrun
          {kListener, rank == 0 ? std::to_string(descriptor) : ""}};
}

std::string first_host(const std::string& nodes) {
  const std::size_t bracket = nodes.find('[');
  const std::size_t comma = nodes.find(',');
  if (bracket == std::string::npos || comma < bracket) return nodes.substr(0, comma);
  const std::size_t end = nodes.find_first_of("-,]", bracket);
  return nodes.substr(0, bracket) + nodes.substr(bracket + 1, end - bracket - 1);
}

}  // namespace mnist::cli
