// mnist bench: measures matrix products, training and inference on this machine, and gives advice.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/machine_load.hpp"
#include "mnist/core/memory.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/text.hpp"
#include "mnist/core/version.hpp"
#include "mnist/device/cuda_library.hpp"
#include "mnist/device/cuda_plugin.hpp"
#include "mnist/device/device.hpp"
#include "mnist/device/gpu_monitor.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/report/pictures.hpp"
#include "mnist/train/speed.hpp"

#include "bench_advice.hpp"
#include "bench_figures.hpp"
#include "bench_output.hpp"
#include "command.hpp"
#include "options.hpp"
#include "out_of_memory.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

constexpr std::int64_t kBenchClasses = 10;

struct BenchOptions {
  std::vector<std::string> names;  // empty: all
  std::vector<std::int64_t> sizes;
  std::string device;
  std::vector<std::string> precision;
  std::vector<int> threads;
  std::vector<std::string> arch = {"cnn"};
  std::vector<std::int64_t> batch_sizes;
  double seconds = 0.5;
  std::string kernels;
  std::string format;
  std::filesystem::path plot;
};

template <class T>
std::vector<T> ascending(std::vector<T> values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

// The batch size of the recipe, half of it (to compare two processes with one), and larger ones.
std::vector<std::int64_t> training_batch_sizes(std::int64_t usual, bool gpu) {
  if (gpu) return {usual, 4 * usual, 16 * usual, 64 * usual};
  return ascending<std::int64_t>({std::max<std::int64_t>(1, usual / 2), usual, 2 * usual, 4 * usual});
}

std::vector<std::int64_t> inference_batch_sizes(std::int64_t usual, bool gpu) {
  if (gpu) return ascending<std::int64_t>({1, usual, 16 * usual});
  return ascending<std::int64_t>({1, std::min<std::int64_t>(8, usual), usual, 4 * usual});
}

// Measures, and prints each row at once.
class Bench {
 public:
  Bench(const BenchOptions& options, const Context& context)
      : options_(options),
        context_(context),
        form_(options.format == "json" ? BenchForm::json : BenchForm::text),
        limits_({.seconds = options.seconds}),
        kernels_(kernels_named(options.kernels)),
        all_threads_(set_threads(wanted_threads(0))),
        device_(select_device(options.device)) {}

  void run() {
    precisions(device_.device);  // throws if the device does not support one
    watch_others();
    print(machine_lines(machine(), form_));
    if (wanted(BenchWork::matmul)) measure_products();
    if (wanted(BenchWork::train)) measure_batches(BenchWork::train);
    if (wanted(BenchWork::infer)) measure_batches(BenchWork::infer);
    if (figures_.empty()) {
      throw Error(ErrorKind::internal, "nothing was measured: everything was skipped (see the reasons)",
                  "use smaller --sizes or --batch-sizes");
    }
    watch_others();
    print(advice_lines(advice(figures_), form_));
    if (!options_.plot.empty()) plot();
  }

 private:
  // Before and after: in between, this process itself uses the cores.
  void watch_others() {
    figures_.cores = allowed_cores();
    const auto free = free_processors(std::chrono::milliseconds(200));
    if (free) figures_.free_cores = std::min(*free, figures_.free_cores.value_or(*free));
  }

  bool wanted(BenchWork work) const {
    return options_.names.empty() || std::ranges::count(options_.names, bench_work_name(work)) > 0;
  }

  // If "auto" selects a GPU, matmul also measures the CPU, for comparison.
  std::vector<DeviceChoice> product_devices() const {
    if (options_.device != "auto" || device_.device.is_cpu()) return {device_};
    return {select_device("cpu"), device_};
  }

  std::vector<int> threads(const c10::Device& device) const {
    if (!device.is_cpu()) return {0};
    if (!options_.threads.empty()) return ascending(options_.threads);
    return ascending<int>({1, std::max(1, all_threads_ / 2), all_threads_});
  }

  // `usual`: used if none are given.
  std::vector<Precision> precisions(const c10::Device& device, const std::vector<std::string>& usual) const {
    std::vector<Precision> found;
    for (const std::string& name : options_.precision.empty() ? usual : options_.precision) {
      if (name == "tf32" && device != device_.device) continue;  // the CPU, measured besides a GPU
      const Precision precision = choose_precision(name, device);
      if (std::ranges::count(found, precision) == 0) found.push_back(precision);
    }
    return found;
  }

  std::vector<Precision> precisions(const c10::Device& device) const {
    if (choose_precision("auto", device) == Precision::tf32) return precisions(device, {"fp32", "tf32", "bf16"});
    return precisions(device, {"fp32", "bf16"});
  }

  BenchMachine machine() const {
    const BuildInfo build = build_info();
    BenchMachine machine{build.version, libtorch_version(), cpu_model(), allowed_cores(), {}};
    std::string ignored;
    const std::unique_ptr<GpuMonitor> monitor = GpuMonitor::open(ignored);
    const std::vector<DeviceChoice> devices =
        wanted(BenchWork::matmul) ? product_devices() : std::vector<DeviceChoice>{device_};
    for (const DeviceChoice& choice : devices) {
      BenchDevice& device = machine.devices.emplace_back();
      device.device = choice.device.str();
      device.description = choice.description;
      if (choice.device.is_cpu()) device.memory_free = available_memory();
      if (!choice.device.is_cuda()) continue;
      device.cuda = cuda_versions().runtime;
      const std::optional<GpuInfo> gpu = gpu_info(choice.device.index());
      if (gpu) device.memory = gpu->memory;
      const auto now = gpu && monitor != nullptr ? monitor->read(gpu->uuid) : std::nullopt;
      if (now) device.memory_free = now->memory_free();
    }
    return machine;
  }

  // Runs `work` with this number of threads; 0: all. Returns why it failed, or an empty text.
  template <class Work>
  std::string attempt(const c10::Device& device, int threads, const Work& work) const {
    set_threads(threads > 0 ? threads : all_threads_);
    const auto free = device.is_cpu() ? available_memory() : std::nullopt;
    try {
      std::optional<MemoryBound> bound;
      if (device.is_cpu()) bound.emplace();
      work();
      return "";
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      // LibTorch's libraries have different messages, also if memory is missing.
      if (!is_out_of_memory(error)) return printable(first_line(error.what()));
      return free ? fmt::format("out of memory: {} were free", memory_text(static_cast<double>(*free)))
                  : std::string("out of memory");
    }
  }

  void measure_products() {
    print(heading_lines(BenchWork::matmul, form_));
    for (const DeviceChoice& choice : product_devices()) {
      for (const Precision precision : precisions(choice.device)) {
        const std::vector<int> all = threads(choice.device);
        for (const int count : options_.threads.empty() ? std::vector<int>{all.back()} : all) {
          measure_products(choice.device, precision, count);
        }
      }
    }
  }

  void measure_products(const c10::Device& device, Precision precision, int threads) {
    const std::vector<std::int64_t> usual =
        device.is_cpu() ? std::vector<std::int64_t>{1024, 2048, 4096} : std::vector<std::int64_t>{2048, 4096, 8192};
    const Setting setting{device.str(), precision_name(precision), threads};
    double last = 0;  // rate of the previous size
    for (const std::int64_t size : options_.sizes.empty() ? usual : ascending(options_.sizes)) {
      ProductFigure figure{setting, size, {}};
      std::string skipped;
      constexpr double kLongest = 5;  // seconds for one product of a size that was not given
      if (options_.sizes.empty() && last > 0 && figure.operations() / last > kLongest) {
        skipped =
            fmt::format("about {:.0f} s per product: to measure it, give it with --sizes", figure.operations() / last);
      } else {
        skipped = attempt(device, threads, [&] { figure.timing = time_product(size, device, precision, limits_); });
      }
      print(product_line(figure, skipped, form_));
      if (!skipped.empty()) continue;
      last = figure.rate();
      figures_.products.push_back(figure);
    }
  }

  Compute compute(Precision precision) const {
    Compute compute{device_.device, precision, kernels_, nullptr};
    if (device_.device.is_cuda() && kernels_ != nullptr) {
      std::string why;
      compute.cuda = cuda_plugin(device_.device, why);
      if (compute.cuda == nullptr) context_.log.info("the GPU trains with LibTorch's operators only: {}", why);
    }
    return compute;
  }

  void measure_batches(BenchWork work) {
    const c10::Device& device = device_.device;
    const bool trains = work == BenchWork::train;
    print(heading_lines(work, form_));
    for (const std::string& arch : options_.arch) {
      const ModelInfo& info = model_info(arch);
      const bool gpu = !device.is_cpu();
      const std::vector<std::int64_t> usual =
          trains ? training_batch_sizes(info.training.batch_size, gpu)
                 : inference_batch_sizes(std::min<std::int64_t>(64, info.training.test_batch_size), gpu);
      for (const Precision precision : trains ? precisions(device) : precisions(device, {"fp32"})) {
        for (const int count : threads(device)) {
          for (const std::int64_t size : options_.batch_sizes.empty() ? usual : ascending(options_.batch_sizes)) {
            measure_batch(work, info, {arch, {device.str(), precision_name(precision), count}, size, {}}, precision);
          }
        }
      }
    }
  }

  void measure_batch(BenchWork work, const ModelInfo& info, BatchFigure figure, Precision precision) {
    const bool trains = work == BenchWork::train;
    const std::string skipped = attempt(device_.device, figure.setting.threads, [&] {
      const auto network = make_network(info, kBenchClasses, /*seed=*/1);
      network->to(device_.device);
      network->use_kernels(kernels_);
      // As `infer` loads it.
      for (torch::Tensor& weight : network->parameters()) weight.requires_grad_(trains);
      figure.timing = trains ? training_time(*network, info, figure.batch_size, precision)
                             : inference_time(*network, info, figure.batch_size, precision);
    });
    print(batch_line(work, figure, skipped, form_));
    if (skipped.empty()) (trains ? figures_.training : figures_.inference).push_back(figure);
  }

  Timing training_time(Network& network, const ModelInfo& info, std::int64_t batch_size, Precision precision) const {
    TrainingOptions options;
    options.batch_size = batch_size;
    options.optimizer = {optimizer_kind(info.training.optimizer), info.training.momentum, info.training.weight_decay};
    options.schedule.lr = 1e-4;  // random labels cannot be learned; a small rate prevents divergence
    options.compute = compute(precision);
    options.note = [this](const std::string& sentence) { context_.log.warn("{}", sentence); };
    const Dataset images =
        random_images(info.preprocessing, images_for_timing(batch_size), kBenchClasses, device_.device);
    return time_training(network, images, info.preprocessing, std::move(options), limits_);
  }

  Timing inference_time(Network& network, const ModelInfo& info, std::int64_t batch_size, Precision precision) const {
    const Dataset images = random_images(info.preprocessing, batch_size, kBenchClasses, c10::kCPU);
    return time_inference(network, images.images, info.preprocessing, {device_.device, precision, kernels_, nullptr},
                          limits_);
  }

  void plot() const {
    std::vector<ScalingCurve> curves;
    for (const ProductFigure& figure : figures_.products) {
      const Setting& setting = figure.setting;
      std::string name = fmt::format("{} {}", setting.device, setting.precision);
      if (setting.threads > 0) name += ", " + counted(setting.threads, "thread");
      if (curves.empty() || curves.back().name != name) curves.push_back({name, {}});
      curves.back().points.emplace_back(static_cast<double>(figure.size), figure.rate());
    }
    if (curves.empty()) {
      context_.log.warn("no matrices were multiplied: no picture is written");
      return;
    }
    draw_scaling(options_.plot, curves);
    context_.log.info("picture: {}", options_.plot.string());
  }

  const BenchOptions& options_;
  const Context& context_;
  BenchForm form_;
  TimingLimits limits_;
  const Kernels* kernels_;
  int all_threads_;
  DeviceChoice device_;
  BenchFigures figures_;
};

int run_bench(const BenchOptions& options, const Context& context) {
  const std::string matmul = bench_work_name(BenchWork::matmul);
  if (!options.plot.empty() && !options.names.empty() && std::ranges::count(options.names, matmul) == 0) {
    throw usage_error("--plot draws the figures of matmul, which is not selected", "add matmul, or omit --plot");
  }
  check_is_picture("--plot", options.plot);
  prepare_output(options.plot, context.log);
  keep_freed_memory();
  Bench(options, context).run();
  return 0;
}

// The option accepts a list, and can be repeated.
CLI::Option* list(CLI::Option* option) {
  return option->delimiter(',')->allow_extra_args(false)->take_all()->default_str("");
}

}  // namespace

Command add_bench(CLI::App& root) {
  CLI::App* app = root.add_subcommand("bench", "Measure the speed of this machine, and advise how to use it");
  const auto options = std::make_shared<BenchOptions>();
  BenchOptions& o = *options;
  one_of(app->add_option("NAME", o.names,
                         "matmul: matrix products; train: training steps; infer: inference (default: all)"),
         {"matmul", "train", "infer"})
      ->take_all()
      ->default_str("");
  list(integer(app->add_option("--sizes", o.sizes,
                               "matmul: rows of the square matrices (default: 1024,2048,4096 on the CPU, "
                               "2048,4096,8192 on a GPU)"),
               1, 1'000'000));
  list(one_of(app->add_option("--arch", o.arch, "train, infer: networks"), model_names()))->default_str("cnn");
  list(integer(app->add_option("--batch-sizes", o.batch_sizes,
                               "train, infer: images per step (default: around the network's default)"),
               1, 1'000'000));
  list(one_of(app->add_option("--precision", o.precision,
                              "precision of the network (default: all that the device supports; infer: fp32)"),
              {"fp32", "tf32", "bf16"}));
  list(integer(app->add_option("--threads", o.threads,
                               "threads on the CPU (default: 1, half and all of OMP_NUM_THREADS, else "
                               "of the cores this process may use; matmul: all)"),
               1, 1024));
  real(app->add_option("--seconds", o.seconds, "seconds per measurement, at least 3 repetitions within 20 s"), 0.001,
       3600)
      ->type_name("SECONDS");
  add_device(*app, o.device);
  add_kernels(*app, o.kernels);
  not_empty(
      app->add_option("--plot", o.plot, "matmul: draw the rates over the sizes, log-log, to this file, PNG or SVG"))
      ->type_name("FILE");
  add_format(*app, o.format, {"text", "json"});
  return {app, [options](const Context& context) { return run_bench(*options, context); }};
}

}  // namespace mnist::cli
