// mnist info: this program, this machine and its devices; with a file: the model it holds.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <c10/core/ScalarType.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/terminal.hpp"
#include "mnist/core/text.hpp"
#include "mnist/core/version.hpp"
#include "mnist/device/cuda_library.hpp"
#include "mnist/device/cuda_plugin.hpp"
#include "mnist/device/device.hpp"
#include "mnist/device/gpu_monitor.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/predict/load_model.hpp"

#include "command.hpp"
#include "gpu_watch.hpp"
#include "options.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

using Json = nlohmann::ordered_json;

struct InfoOptions {
  std::filesystem::path file;
  bool tensors = false;
  double watch = 0;  // seconds; 0: once
  std::string format;
};

void print_json(const Json& json) {
  print(json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n");
}

// One object per GPU, in CUDA's order for this process.
Json gpus_json(int count, const GpuMonitor* monitor) {
  Json gpus = Json::array();
  for (int index = 0; index < count; ++index) {
    Json json = {{"device", fmt::format("cuda:{}", index)}};
    const std::optional<GpuInfo> gpu = gpu_info(index);
    if (gpu) {
      json["name"] = gpu->name;
      json["uuid"] = gpu->uuid;
      json["compute_capability"] = fmt::format("{}.{}", gpu->major, gpu->minor);
      json["memory_total_mib"] = gpu->memory >> 20;
    }
    const std::optional<GpuFigures> figures = gpu && monitor != nullptr ? monitor->read(gpu->uuid) : std::nullopt;
    json["memory_free_mib"] = figures ? Json(figures->memory_free() >> 20) : Json();
    gpus.push_back(std::move(json));
  }
  return gpus;
}

// All information about the program and the machine; the text form shows the same.
Json machine_json() {
  const CudaStatus cuda = load_cuda();  // before LibTorch searches for it
  set_threads(0);
  const DeviceChoice automatic = select_device("auto");
  const BuildInfo build = build_info();
  std::string no_monitor;
  const std::unique_ptr<GpuMonitor> monitor = GpuMonitor::open(no_monitor);
  const CudaVersions versions = cuda.usable ? cuda_versions() : CudaVersions();
  std::string no_plugin;
  const bool has_plugin = automatic.device.is_cuda() && cuda_plugin(automatic.device, no_plugin) != nullptr;
  return {{"version", build.version},
          {"git_revision", build.git_revision},
          {"compiler", build.compiler},
          {"build_type", build.build_type},
          {"libtorch", {{"version", libtorch_version()}, {"libraries", libtorch_libraries()}}},
          {"cpu", {{"model", cpu_model()}, {"features", cpu_features()}, {"allowed_cores", allowed_cores()}}},
          {"cuda",
           {{"usable", cuda.usable},
            {"reason", cuda.reason},
            {"hint", cuda.hint},
            {"library", cuda_library_path().string()},
            {"driver", monitor != nullptr ? monitor->driver_version() : ""},
            {"runtime", versions.runtime},
            {"cudnn", versions.cudnn},
            {"plugin", has_plugin},
            {"plugin_file", cuda_plugin_file().string()},
            {"plugin_reason", no_plugin},
            {"gpus", gpus_json(cuda.device_count, monitor.get())}}},
          {"device_auto", automatic.description},
          {"precision_auto", precision_name(choose_precision("auto", automatic.device))}};
}

std::string machine_text(const Json& info) {
  const auto text = [](const Json& json) { return json.get<std::string>(); };
  std::string out = fmt::format("mnist {} (git {}, {}, {})\n", text(info["version"]), text(info["git_revision"]),
                                text(info["compiler"]), text(info["build_type"]));
  out += fmt::format("LibTorch {}\n", text(info["libtorch"]["version"]));
  for (const Json& library : info["libtorch"]["libraries"]) out += fmt::format("  {}\n", text(library));
  const Json& cpu = info["cpu"];
  const auto cores = cpu["allowed_cores"].get<int>();
  out += fmt::format("CPU: {}, {} for this process\n", text(cpu["model"]), counted(cores, "core"));
  const auto features = cpu["features"].get<std::vector<std::string>>();
  out += fmt::format("  {}\n", features.empty() ? "no known features" : fmt::format("{}", fmt::join(features, " ")));
  const Json& cuda = info["cuda"];
  if (cuda["usable"].get<bool>()) {
    const auto version = [&](const char* name) { return text(cuda[name]).empty() ? "unknown" : text(cuda[name]); };
    out += fmt::format("CUDA: usable, runtime {}, cuDNN {}, driver {}\n", version("runtime"), version("cudnn"),
                       version("driver"));
    for (const Json& gpu : cuda["gpus"]) {
      out += fmt::format("  {}", text(gpu["device"]));
      if (gpu.contains("name")) {
        out += fmt::format(" {}, compute capability {}, {} MiB", text(gpu["name"]), text(gpu["compute_capability"]),
                           with_thousands(gpu["memory_total_mib"].get<std::int64_t>()));
      }
      if (!gpu["memory_free_mib"].is_null()) {
        out += fmt::format(", {} MiB free", with_thousands(gpu["memory_free_mib"].get<std::int64_t>()));
      }
      out += "\n";
    }
    out += cuda["plugin"].get<bool>()
               ? std::string("  own kernels and CUDA graphs: yes\n")
               : fmt::format("  own kernels and CUDA graphs: no: {}\n", text(cuda["plugin_reason"]));
  } else {
    out += fmt::format("CUDA: not usable: {}\n", text(cuda["reason"]));
    if (!text(cuda["hint"]).empty()) out += fmt::format("  hint: {}\n", text(cuda["hint"]));
    out += text(cuda["plugin_file"]).empty()
               ? "  own kernels and CUDA graphs: not built\n"
               : fmt::format("  own kernels and CUDA graphs: {}\n", text(cuda["plugin_file"]));
  }
  return out + fmt::format("--device auto: {}\n--precision auto: {}\n", text(info["device_auto"]),
                           text(info["precision_auto"]));
}

// Whether a tensor is a parameter; the statistics of batch normalisation are buffers.
bool is_parameter(std::string_view name) {
  return !name.ends_with("running_mean") && !name.ends_with("running_var") && !name.ends_with("num_batches_tracked");
}

std::string type_name(const torch::Tensor& tensor) {
  return lower_case(c10::toString(tensor.scalar_type()));
}

// The information about a model in its file, completed from the tensors if some is missing.
struct Description {
  ModelFile file;
  std::string arch;  // empty: unknown
  std::int64_t parameters = 0;
  std::vector<std::string> class_names;          // empty: unknown
  const Preprocessing* preprocessing = nullptr;  // nullptr: unknown
  std::vector<std::string> warnings;             // why other commands would reject it or ignore parts
};

Description describe(const std::filesystem::path& path) {
  Description model;
  model.file = read_model_file(path);
  for (const auto& [name, tensor] : model.file.state) {
    if (is_parameter(name)) model.parameters += tensor.numel();
  }
  if (const std::string name = first_not_finite(model.file.state); !name.empty()) {
    model.warnings.push_back(fmt::format("tensor {} holds NaN or an infinity", quoted_name(name)));
  }
  if (model.file.recipe) {
    model.arch = model.file.recipe->arch;
    model.class_names = model.file.recipe->class_names;
    model.preprocessing = &model.file.recipe->preprocessing;
    return model;
  }
  model.class_names = model.file.class_names;
  if (const ModelInfo* info = identify(model.file.state)) {
    model.arch = info->name;
    model.preprocessing = &info->preprocessing;
    const std::string warning = class_names_warning(*info, model.file);
    if (!warning.empty()) model.warnings.push_back(warning);
  }
  return model;
}

Json model_json(const std::filesystem::path& path, bool tensors) {
  const Description model = describe(path);
  const bool own = model.file.recipe.has_value();
  Json json = {{"file", path.string()},
               {"layout", model.file.layout},
               {"arch", model.arch.empty() ? Json() : Json(model.arch)},
               {"recipe", own},
               {"parameters", model.parameters},
               {"class_names", model.class_names},
               {"notes", model.file.notes},
               {"warnings", model.warnings}};
  Recipe recipe = model.file.recipe.value_or(Recipe());
  if (model.preprocessing != nullptr) recipe.preprocessing = *model.preprocessing;
  const Json parts = Json::parse(to_json(recipe));
  json["preprocessing"] = model.preprocessing != nullptr ? parts["preprocessing"] : Json();
  json["temperature"] = recipe.temperature;
  json["training"] = own ? parts["training"] : Json();
  if (!tensors) return json;
  for (const auto& [name, tensor] : model.file.state) {
    json["tensors"].push_back({{"name", name}, {"type", type_name(tensor)}, {"shape", tensor.sizes().vec()}});
  }
  return json;
}

std::string preprocessing_text(const Preprocessing& preprocessing) {
  const bool photo = preprocessing.kind == Preprocessing::Kind::photo;
  return fmt::format("{}, {} x {} x {}{}, mean {}, std {}", photo ? "photo" : "digit", preprocessing.channels,
                     preprocessing.height, preprocessing.width,
                     photo ? fmt::format(" from a shorter side of {}", preprocessing.resize) : "",
                     fmt::join(preprocessing.mean, " "), fmt::join(preprocessing.std, " "));
}

std::string training_text(const TrainingSummary& training) {
  const std::string test = training.test_items == 0 ? std::string("not evaluated")
                                                    : fmt::format("test loss {:.4f}, {}/{} right", training.test_loss,
                                                                  training.correct, training.test_items);
  const std::string kept = training.val_split > 0 ? fmt::format(", --val-split {:g}", training.val_split) : "";
  const std::string limit =
      training.limit_batches > 0 ? fmt::format(" of {} at most", counted(training.limit_batches, "batch")) : "";
  return fmt::format("{}{}, {}{}, seed {}, {}, by {}", printable(training.dataset), kept,
                     counted(training.epochs, "epoch"), limit, training.seed, test, printable(training.program));
}

double recipe_temperature(const Description& model) {
  return model.file.recipe ? model.file.recipe->temperature : 1;
}

// One line per file of initial weights, newest first.
std::string ancestry_text(const TrainingSummary& training) {
  std::string out;
  for (const Ancestor& ancestor : training.ancestry) {
    out += fmt::format("begun from: {}{}\n  sha256 {}\n", quoted(std::filesystem::path(ancestor.file)),
                       ancestor.dataset.empty()
                           ? ""
                           : fmt::format(", {}, {}", printable(ancestor.dataset), counted(ancestor.epochs, "epoch")),
                       printable(ancestor.sha256));
  }
  return out;
}

std::string model_text(const std::filesystem::path& path, bool tensors) {
  const Description model = describe(path);
  const bool own = model.file.recipe.has_value();
  std::string out = fmt::format("file: {}, {}\n", quoted(path), model.file.layout);
  out += model.arch.empty()
             ? "network: unknown\n"
             : fmt::format("network: {}{}\n", printable(model.arch), own ? "" : " (found from its tensors)");
  out += fmt::format("parameters: {} in {}\n", with_thousands(model.parameters),
                     counted(std::ssize(model.file.state), "tensor"));
  if (!model.class_names.empty()) {
    std::vector<std::string> names;
    for (const std::string& name : model.class_names) names.push_back(printable(name));
    out += fmt::format("classes: {}: {}\n", names.size(), fmt::join(names, ", "));
  }
  if (model.preprocessing != nullptr) out += fmt::format("input: {}\n", preprocessing_text(*model.preprocessing));
  if (recipe_temperature(model) != 1) out += fmt::format("temperature: {:.4f}\n", recipe_temperature(model));
  out += own ? fmt::format("training: {}\n{}", training_text(model.file.recipe->training),
                           ancestry_text(model.file.recipe->training))
             : "training: not recorded (no recipe of this program in the file)\n";
  for (const std::string& note : model.file.notes) out += fmt::format("note: {}\n", note);
  for (const std::string& warning : model.warnings) out += fmt::format("warning: {}\n", warning);
  if (!tensors) return out;
  out += "tensors:\n";
  const auto width = static_cast<std::size_t>(terminal_width(Stream::out));
  for (const auto& [name, tensor] : model.file.state) {
    const std::string rest = fmt::format(" {} [{}]", type_name(tensor), fmt::join(tensor.sizes(), ", "));
    constexpr std::size_t kLead = 2;
    constexpr std::size_t kShortest = 20;
    const std::size_t room = width > kLead + rest.size() ? width - kLead - rest.size() : 0;
    out += fmt::format("  {}{}\n", shortened(printable(name), std::max(room, kShortest)), rest);
  }
  return out;
}

int run_info(const InfoOptions& options) {
  const bool json = options.format == "json";
  if (options.watch > 0) {
    if (!options.file.empty()) {
      throw usage_error("--watch shows the GPUs, but a model file is given, too", "omit one of them");
    }
    watch_gpus(options.watch, json);
    return 0;
  }
  if (options.file.empty()) {
    if (options.tensors) throw usage_error("--tensors needs a model file", "give one: mnist info --tensors FILE");
    const Json machine = machine_json();
    if (json) {
      print_json(machine);
    } else {
      print(machine_text(machine));
    }
  } else if (json) {
    print_json(model_json(options.file, options.tensors));
  } else {
    print(model_text(options.file, options.tensors));
  }
  return 0;
}

}  // namespace

Command add_info(CLI::App& root) {
  CLI::App* app = root.add_subcommand("info", "This program, machine and its devices; with a file: the model it holds");
  const auto options = std::make_shared<InfoOptions>();
  app->add_option("FILE", options->file, "model file to describe")->type_name("FILE");
  add_flag(*app, "--tensors", options->tensors, "with a file: list its tensors with their types and shapes");
  real(app->add_option("--watch", options->watch,
                       "print the GPUs' figures every so many seconds, one line per GPU, or one JSON object for all"),
       0.1, 86'400)
      ->type_name("SECONDS");
  add_format(*app, options->format, {"text", "json"});
  return {app, [options](const Context& /*context*/) { return run_info(*options); }};
}

}  // namespace mnist::cli
