#include "options.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/file_system.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/output.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/suggest.hpp"
#include "mnist/core/text.hpp"
#include "mnist/device/device.hpp"

namespace mnist::cli {
namespace {

// The placeholders of integers and real numbers.
constexpr const char* kInteger = "N";
constexpr const char* kReal = "X";

// Whether `text` is an integer. Leading zeros are rejected: the parser would read an octal number.
bool parse(const std::string& text, std::int64_t& number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end && text == std::to_string(number);
}

bool parse(const std::string& text, double& number) {
  if (text.empty() || std::isspace(static_cast<unsigned char>(text.front())) != 0) return false;
  char* stop = nullptr;
  number = std::strtod(text.c_str(), &stop);
  return stop == text.c_str() + text.size() && std::isfinite(number);
}

// The option's name in messages, with the environment variable if the value comes from it.
std::string name_in_message(const CLI::Option* option, const std::string& text) {
  const std::string name = display_name(option);
  return is_from_environment(*option, text) ? fmt::format("{} (from {})", name, option->get_envname()) : name;
}

std::string number_text(double number) {
  constexpr double kWritable = 1e15;
  const bool whole = std::trunc(number) == number && std::abs(number) < kWritable;
  return whole ? with_thousands(static_cast<std::int64_t>(number)) : fmt::format("{:g}", number);
}

// Thrown, not returned as text: newer versions of CLI11 silently ignore invalid values in the environment.
CLI::Option* numbers(CLI::Option* option, const char* placeholder, const char* kind, const std::string& range,
                     const std::function<bool(const std::string&)>& accepted) {
  option->type_name(placeholder)->capture_default_str();
  option->description(with_note(option->get_description(), range));
  return option->check([option, kind, range, accepted](const std::string& text) -> std::string {
    if (accepted(text)) return "";
    throw usage_error(
        fmt::format("{} must be {} from {}, is {}", name_in_message(option, text), kind, range, quoted_name(text)),
        "give a number in that range");
  });
}

}  // namespace

std::string with_note(const std::string& description, const std::string& note) {
  if (!description.ends_with(')')) return fmt::format("{} ({})", description, note);
  return fmt::format("{}; {})", description.substr(0, description.size() - 1), note);
}

CLI::Option* add_flag(CLI::App& app, const std::string& name, bool& value, const std::string& description) {
  CLI::Option* option = app.add_flag(name, value, description);
  return option->check([option](const std::string& text) -> std::string {
    if (text == "true" || text == "false") return "";
    throw usage_error(fmt::format("{} takes no value, and is given {}", display_name(option), quoted_name(text)),
                      fmt::format("write {0} alone; {0}=false overrides a config file", display_name(option)));
  });
}

std::vector<std::string> option_values(const CLI::Option& option) {
  std::vector<std::string> values = option.reduced_results();
  if (values.empty() && is_flag(option)) values = {"false"};
  if (values.empty() && !option.get_default_str().empty()) values = {option.get_default_str()};
  return values;
}

bool is_from_environment(const CLI::Option& option, const std::string& value) {
  const std::string variable = option.get_envname();
  const char* const said = variable.empty() ? nullptr : std::getenv(variable.c_str());
  return said != nullptr && said == value;
}

bool is_given(const CLI::Option& option) {
  const std::vector<std::string>& values = option.results();
  return option.count() > 0 && !(values.size() == 1 && is_from_environment(option, values.front()));
}

bool is_flag(const CLI::Option& option) {
  return option.get_items_expected_max() == 0;
}

bool is_integer(const CLI::Option& option) {
  return option.get_type_name() == kInteger;
}

bool is_real(const CLI::Option& option) {
  return option.get_type_name() == kReal;
}

std::string display_name(const CLI::Option* option) {
  const std::string& name = option->get_single_name();
  return option->get_lnames().empty() ? name : "--" + name;
}

CLI::Option* integer(CLI::Option* option, std::int64_t lowest, std::int64_t highest) {
  const std::string range = fmt::format("{} to {}", with_thousands(lowest), with_thousands(highest));
  return numbers(option, kInteger, "an integer", range, [lowest, highest](const std::string& text) {
    std::int64_t number = 0;
    return parse(text, number) && number >= lowest && number <= highest;
  });
}

CLI::Option* real(CLI::Option* option, double lowest, double highest) {
  const std::string range = fmt::format("{} to {}", number_text(lowest), number_text(highest));
  return numbers(option, kReal, "a number", range, [lowest, highest](const std::string& text) {
    double number = 0;
    return parse(text, number) && number >= lowest && number <= highest;
  });
}

CLI::Option* one_of(CLI::Option* option, const std::vector<std::string>& values) {
  option->type_name(fmt::format("{}", fmt::join(values, "|")))->capture_default_str();
  return option->check([option, values](const std::string& text) -> std::string {
    for (const std::string& value : values) {
      if (text == value) return "";
    }
    throw usage_error(fmt::format("{} cannot be {}", name_in_message(option, text), quoted_name(text)),
                      suggestion(text, values));
  });
}

CLI::Option* not_empty(CLI::Option* option) {
  return option->check([option](const std::string& text) -> std::string {
    if (!text.empty()) return "";
    throw usage_error(fmt::format("{} is empty: it must be a path", display_name(option)),
                      "give one, or omit the option");
  });
}

CLI::Option* add_data_dir(CLI::App& app, std::filesystem::path& value) {
  value = "data";
  return app.add_option("--data-dir", value, "folder with the data sets, in torchvision's layout")
      ->type_name("DIR")
      ->default_str("data")
      ->envname("MNIST_DATA_DIR");
}

CLI::Option* add_device(CLI::App& app, std::string& value) {
  value = "auto";
  return app.add_option("--device", value, "device to use; auto: a GPU if usable, else the CPU")
      ->type_name(fmt::format("{}", fmt::join(device_names(), "|")))
      ->default_str("auto")
      ->envname("MNIST_DEVICE");
}

void tell_device(const DeviceChoice& device, spdlog::level::level_enum level, spdlog::logger& log) {
  log.log(level, "device: {}{}", device.description, device.note.empty() ? "" : "; " + device.note);
  if (!device.no_gpu.empty()) log.debug("no GPU: {}", device.no_gpu);
}

CLI::Option* add_threads(CLI::App& app, int& value) {
  value = 0;
  return integer(
      app.add_option("--threads", value, "threads on the CPU; 0: OMP_NUM_THREADS, else the cores this process may use"),
      0, 1024);
}

void warn_of_threads(int threads, spdlog::logger& log) {
  const int cores = allowed_cores();
  if (threads <= cores) return;
  log.warn("--threads {} is more than the {} that this process may use: this is slower than --threads {}", threads,
           counted(cores, "core"), cores);
}

void warn_of_top_k(const CLI::Option& option, std::int64_t top_k, std::int64_t classes, spdlog::logger& log) {
  if (top_k <= classes || !is_given(option)) return;
  log.warn("--top-k {} is more than the {} of the model: all of them count", top_k, counted(classes, "class"));
}

void prepare_output(const std::filesystem::path& output, spdlog::logger& log) {
  if (output.empty()) return;
  const std::filesystem::path folder = folder_of(output);
  if (!is_stream(output) && make_folder(folder, "choose another location")) log.info("new folder: {}", quoted(folder));
  check_writable(output);
}

void check_is_png(const char* option, const std::filesystem::path& output) {
  if (output.empty() || lower_case(output.extension().string()) == ".png") return;
  throw usage_error(fmt::format("{} {} does not end in .png", option, quoted(output)),
                    "the picture is written as PNG: give a name that ends in .png");
}

void check_is_folder(const char* option, const std::filesystem::path& folder) {
  if (folder != "-" && !is_stream(folder)) return;
  throw usage_error(fmt::format("{} writes several files, and {} is no folder for them", option, quoted(folder)),
                    "name a folder");
}

void check_is_picture(const char* option, const std::filesystem::path& output) {
  const std::string ending = lower_case(output.extension().string());
  if (output.empty() || ending == ".png" || ending == ".svg") return;
  throw usage_error(fmt::format("{} {} ends neither in .png nor in .svg", option, quoted(output)),
                    "the picture is written as PNG or SVG: give a name with one of these endings");
}

void check_one_stdin(const std::vector<std::pair<std::string, std::filesystem::path>>& inputs) {
  std::string first;
  for (const auto& [option, path] : inputs) {
    if (!is_stdin(path)) continue;
    if (first.empty()) {
      first = option;
      continue;
    }
    throw usage_error(option == first ? fmt::format("{} reads stdin twice", option)
                                      : fmt::format("{} and {} both read stdin", first, option),
                      "give a file for all but one of them");
  }
}

void check_not_same(const std::filesystem::path& output, const std::filesystem::path& input) {
  std::error_code ignored;
  if (output.empty() || !std::filesystem::equivalent(output, input, ignored)) return;
  throw usage_error(fmt::format("the output would replace the input {}", quoted(input)), "choose another output file");
}

CLI::Option* add_precision(CLI::App& app, std::string& value) {
  value = "fp32";
  return one_of(
      app.add_option("--precision", value,
                     "precision of the network; tf32: on NVIDIA GPUs; auto: bf16 on a CPU that is faster with it, tf32 "
                     "on a GPU that has it. On a CPU, bf16 leaves convolutions of cnn in fp32, and those of the "
                     "networks for photos if they are faster in fp32, unless --kernels libtorch"),
      {"fp32", "tf32", "bf16", "auto"});
}

CLI::Option* add_kernels(CLI::App& app, std::string& value) {
  value = "auto";
  return one_of(
      app.add_option("--kernels", value,
                     "compute kernels; auto: this program's own for the CPU's best instruction set or, on an NVIDIA "
                     "GPU, in libmnist_cuda.so, if available, else LibTorch's; libtorch: LibTorch's only, slower, for "
                     "comparison"),
      {"auto", "libtorch", "avx512", "avx2", "baseline"});
}

const Kernels* kernels_named(const std::string& name) {
  if (name == "libtorch") return nullptr;
  if (name == "auto") return best_kernels();
  for (const Kernels* kernels : usable_kernels()) {
    if (name == kernels->name) return kernels;
  }
  throw usage_error(fmt::format("--kernels {}: this CPU cannot run them", name), "omit it, or: --kernels libtorch");
}

std::string kernels_name(const Kernels* kernels) {
  return kernels == nullptr ? "libtorch" : kernels->name;
}

int wanted_threads(int option) {
  const char* variable = std::getenv("OMP_NUM_THREADS");
  if (option > 0 || variable == nullptr) return option;
  // Only the first of "4,2": what follows is for nested loops.
  const int count = std::atoi(variable);
  return std::clamp(count, 0, 1024);
}

CLI::Option* add_format(CLI::App& app, std::string& value, const std::vector<std::string>& formats) {
  value = formats.front();
  return one_of(app.add_option("--format", value, "form of the results on stdout"), formats);
}

}  // namespace mnist::cli
