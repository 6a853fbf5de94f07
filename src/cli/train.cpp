// mnist train: trains a network, writes it, evaluates it every epoch.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <spdlog/sinks/sink.h>

#include "mnist/core/background.hpp"
#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/logging.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/core/text.hpp"
#include "mnist/core/version.hpp"
#include "mnist/device/device.hpp"
#include "mnist/device/gpu_monitor.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/report/pictures.hpp"
#include "mnist/report/progress.hpp"
#include "mnist/report/reference_log.hpp"
#include "mnist/report/run_directory.hpp"
#include "mnist/report/transfer_log.hpp"
#include "mnist/train/best_weights.hpp"
#include "mnist/train/loop.hpp"

#include "colors.hpp"
#include "command.hpp"
#include "load_model.hpp"
#include "open_data.hpp"
#include "options.hpp"
#include "pretrained.hpp"
#include "print.hpp"
#include "train_options.hpp"
#include "training_data.hpp"
#include "transfer_pictures.hpp"

namespace mnist::cli {
namespace {

// "avx512", "cuda, recorded", ...
std::string kernels_text(const TrainingOptions& training) {
  if (!training.device.is_cuda()) return kernels_name(training.optimizer.kernels);
  if (training.cuda == nullptr) return kernels_name(nullptr);
  return training.cuda_graphs ? "cuda, recorded" : "cuda";
}

std::filesystem::path output_path(const TrainOptions& options) {
  if (!options.output.empty()) return options.output;
  if (!options.save_model.empty()) return options.save_model;
  return options.arch == "cnn" ? kDefaultModel : options.arch + ".pt";
}

// A dry run leaves nothing behind unless it is told where.
std::optional<RunDirectory> make_run_directory(const TrainOptions& options) {
  if (!options.run_dir.empty()) return RunDirectory::at(options.run_dir);
  if (options.dry_run) return std::nullopt;
  return RunDirectory::numbered("runs", options.arch);
}

Recipe recipe_of(const ModelInfo& info, const TrainOptions& options, const std::vector<std::string>& class_names,
                 const TrainingResult& result) {
  Recipe recipe;
  recipe.arch = info.name;
  recipe.class_names = class_names;
  recipe.preprocessing = info.preprocessing;
  recipe.training.dataset = options.recipe.dataset;
  recipe.training.epochs = result.epochs;
  recipe.training.seed = static_cast<std::int64_t>(options.seed);
  recipe.training.test_loss = result.test.loss;
  recipe.training.correct = result.test.correct;
  recipe.training.test_items = result.test.total;
  recipe.training.program = "mnist " + build_info().version;
  return recipe;
}

// Writes the weights after every epoch: what is left of a run that is killed.
class LastWeights : public TrainingObserver {
 public:
  explicit LastWeights(std::function<void(const TrainingResult&)> write) : write_(std::move(write)) {}
  void epoch_done(const EpochReport& report) override { write_({report.train.epoch, report.test}); }

 private:
  std::function<void(const TrainingResult&)> write_;
};

// What fails in `work` is told, and ends nothing.
void attempt(const Context& context, const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    context.log.warn("{}", error.what());
  }
}

// What can still be said of a run that failed. Throws nothing: the failure itself is on its way to the user.
void note_failure(const RunDirectory& run, const std::exception& failure, Background& background,
                  const Context& context) {
  attempt(context, [&] { background.finish(); });
  attempt(context, [&] { run.end(fmt::format("failed: {}", first_line(failure.what()))); });
  std::error_code ignored;
  if (std::filesystem::exists(run.last(), ignored)) {
    context.log.info("the newest weights that were written are in {}", run.last().string());
  }
  if (std::filesystem::exists(run.best(), ignored)) {
    context.log.info("the best that were written are in {}", run.best().string());
  }
}

int run_train(const TrainOptions& options, const Context& context) {
  const StopSignals signals("\nstopping after this step, then saving the weights; once more ends it without that\n");
  EarlyLog early(context.log);
  ignore_closed_pipes();
  if (options.deterministic) set_deterministic();
  keep_freed_memory();
  const int threads = set_threads(wanted_threads(options.threads));
  const DeviceChoice device = select_device(options.device);
  const ModelInfo& info = model_info(options.arch);
  const TrainingOptions training = training_options(options, device.device, context.log);
  const std::filesystem::path output = output_path(options);
  check_model_name(output);
  if (!options.dry_run) check_writable(output);
  if (!options.run_dir.empty()) RunDirectory::check(options.run_dir);

  DataOptions data_options = options.data;
  data_options.dataset = options.recipe.dataset;
  TrainingData data = open_training_data(data_options, {options.augment == "on", options.rotate, options.seed}, info,
                                         training, context.log);
  const std::vector<std::string>& class_names = data.train.class_names;
  const std::shared_ptr<Network> network =
      make_network(info, static_cast<std::int64_t>(class_names.size()), training.seed);
  network->use_kernels(training.optimizer.kernels);
  const bool pretrained = load_initial_weights(*network, info, options.weights, class_names, context.log);
  network->to(device.device);
  if (training.inputs == Inputs::features) {
    if (!pretrained) {
      context.log.warn(
          "fixedfeature trains the last layer only, and the others are random: name a model with --weights");
    }
    freeze_body(data, *network, info, training);
  }
  const PickleLayout layout = info.transfer_learning ? PickleLayout::with_class_names : PickleLayout::state_dict;
  const auto write_model = [&](const std::filesystem::path& path, const TrainingResult& result) {
    write_model_file(path, state_dict(*network), recipe_of(info, options, class_names, result), layout);
  };

  std::optional<RunDirectory> run = make_run_directory(options);
  std::shared_ptr<spdlog::sinks::sink> log_file;
  if (run) {
    log_file = add_log_file(context.log, run->log());
    early.replay(*log_file);
    run->begin({.command_line = context.command_line,
                .config = context.config,
                .arch = info.name,
                .dataset = options.recipe.dataset,
                .device = device.description,
                .precision = precision_name(training.precision),
                .kernels = kernels_text(training),
                .libtorch = libtorch_version(),
                .threads = threads,
                .seed = training.seed});
  }
  context.log.info("device: {}{}", device.description, device.note.empty() ? "" : "; " + device.note);
  context.log.info("model: {}, {} parameters, {}, kernels {}", info.name, with_thousands(parameter_count(*network)),
                   precision_name(training.precision), kernels_text(training));
  context.log.info("data: {} in {}, {} training and {} test images", options.recipe.dataset,
                   quoted(options.data.data_dir), with_thousands(data.train.batches->size()),
                   with_thousands(data.test.batches->size()));
  context.log.info("training: epochs {}, batch size {}, {}, lr {:g}, seed {}", training.epochs, training.batch_size,
                   training.optimizer.name, training.schedule.lr, training.seed);
  if (run) context.log.info("run directory: {}", run->path().string());
  std::error_code ignored;
  if (!options.dry_run && std::filesystem::exists(output, ignored)) {
    context.log.info("{} is there already: it is replaced at the end", quoted(output));
  }

  // The progress line goes first: it leaves the terminal to those who write after it.
  const GpuReader gpu = device.device.is_cuda() ? watch_gpu(device.device.index()) : GpuReader();
  std::optional<ProgressLine> progress;
  if (is_interactive(Stream::err)) progress.emplace(stderr, gpu);
  bool has_stdout = true;
  const auto say = [&](const std::string& text) {
    if (log_file) log_line(*log_file, text);
    if (!has_stdout) return;
    try {
      print(text);
    } catch (const Error& error) {
      // The run is worth more than its output: the log and the metrics go on.
      has_stdout = false;
      context.log.warn("{}; training goes on without it", error.what());
    }
  };
  ReferenceLog reference(say);
  TransferLog transfer(say);
  std::optional<MetricsFiles> metrics;
  std::optional<CurvesPicture> curves;
  std::optional<LastWeights> last;
  std::optional<BestWeights> best;
  std::vector<TrainingObserver*> observers;
  // An epoch on a GPU may be over before the files of the one before are written.
  Background background(!device.device.is_cpu());
  const auto write_model_later = [&](const std::filesystem::path& path, const TrainingResult& result) {
    StateDict state = state_dict(*network);
    for (auto& [name, tensor] : state) tensor = tensor.detach().contiguous().cpu();
    background.post(path.string(),
                    [path, state = std::move(state), recipe = recipe_of(info, options, class_names, result), layout] {
                      write_model_file(path, state, recipe, layout);
                    });
  };
  if (progress) observers.push_back(&*progress);
  observers.push_back(info.transfer_learning ? static_cast<TrainingObserver*>(&transfer) : &reference);
  // The weights before all that could fail; those after one batch would look like a model.
  if (run && !options.dry_run) {
    observers.push_back(&last.emplace([&](const TrainingResult& result) { write_model_later(run->last(), result); }));
  }
  if (info.transfer_learning) {
    observers.push_back(&best.emplace(*network, [&](const EpochReport& report) {
      if (run && !options.dry_run) write_model_later(run->best(), {report.train.epoch, report.test});
    }));
    say(transfer_header({.libtorch = libtorch_version(),
                         .device = device.device.str(),
                         .data_dir = options.data.data_dir.string(),
                         .train_items = data.train.batches->size(),
                         .val_items = data.test.batches->size(),
                         .class_names = class_names,
                         .scenario = options.scenario}));
  }
  if (run) {
    observers.push_back(&metrics.emplace(run->path(), gpu));
    if (!options.dry_run) {
      observers.push_back(&curves.emplace(run->path() / "training_statistics.png", context.log, background));
    }
  }
  const auto try_to_draw = [&](const std::function<void()>& draw) {
    try {
      draw();
    } catch (const Error& error) {
      context.log.warn("{}; the run goes on without this picture", error.what());
    }
  };

  try {
    if (run && info.transfer_learning) {
      try_to_draw([&] { draw_training_batch(run->path() / "test_grid.png", data.train, training, info); });
    }
    const auto started = std::chrono::steady_clock::now();
    TrainingResult result = train(*network, data.train_batches(), data.test_batches(), training, observers,
                                  [&] { return signals.received() != 0; });
    progress.reset();
    if (result.stopped) {
      if (run) {
        write_model(run->interrupted(), {.epochs = result.epochs});  // weights that no test has seen
        attempt(context, [&] { background.finish(); });
        run->end("interrupted");
        context.log.warn(
            "stopped by a signal, finished epochs: {}; {} was not written. The weights as they are now: {}",
            result.epochs, quoted(output), quoted(run->interrupted()));
        if (best && result.epochs > 0) context.log.warn("the best that were written: {}", quoted(run->best()));
      }
      return 128 + signals.received();
    }
    if (best) {
      say(complete_line(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count()) + "\n");
      say(best_lines(best->epoch(), best->test(), result.epochs, result.test));
      load_state_dict(*network, best->state(), "the best epoch");
      result.epochs = best->epoch();
      result.test = best->test();
    }
    if (options.dry_run) {
      say("Dry run: one batch and one test batch; no model was written\n");
    } else {
      write_model(output, result);
      say(fmt::format("Saved model: {}\nUse it: {} infer --model {} --image IMAGE\n", output.string(), context.program,
                      quoted_for_shell(output.string())));
      if (!has_stdout) context.log.info("saved model: {}", quoted(output));
    }
    background.finish();
    if (best && run) {
      const std::filesystem::path picture = run->path() / predictions_name(info, options.scenario);
      try_to_draw([&] {
        draw_predictions(picture, *network, data.test, training, info);
        context.log.info("predictions: {}", picture.string());
      });
    }
    if (run) run->end("finished");
    return 0;
  } catch (const std::exception& error) {
    progress.reset();
    if (run) note_failure(*run, error, background, context);
    throw;
  }
}

}  // namespace

Command add_train(CLI::App& root) {
  CLI::App* app = root.add_subcommand("train", "Train a network, write it, evaluate it every epoch");
  const std::shared_ptr<const TrainOptions> options = add_train_options(*app);
  return {app, [options](const Context& context) { return run_train(*options, context); }};
}

}  // namespace mnist::cli
