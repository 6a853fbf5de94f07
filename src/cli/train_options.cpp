#include "train_options.hpp"

#include <limits>

#include <fmt/format.h>
#include <spdlog/sinks/sink.h>

#include "mnist/core/error.hpp"
#include "mnist/device/cuda_plugin.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/predict/load_model.hpp"

#include "command.hpp"
#include "durations.hpp"
#include "options.hpp"
#include "pretrained.hpp"
#include "recipe_options.hpp"

namespace mnist::cli {
namespace {

// The plug-in for NVIDIA GPUs; nullptr: LibTorch's operators only.
const CudaPlugin* plugin_for(const TrainOptions& options, const c10::Device& device, spdlog::logger& log) {
  if (!device.is_cuda() || options.kernels == "libtorch") return nullptr;
  if (options.label_smoothing > 0 || options.clip_grad_norm > 0 || options.class_weights != "none") {
    log.info(
        "training on the GPU with LibTorch's operators alone, more slowly: for --label-smoothing, --clip-grad-norm and "
        "--class-weights the plug-in has no kernels");
    return nullptr;
  }
  std::string why;
  const CudaPlugin* const plugin = cuda_plugin(device, why);
  if (plugin == nullptr) log.info("training on the GPU uses LibTorch's operators only, which is slower: {}", why);
  return plugin;
}

// --no-cuda means --device cpu and overrides MNIST_DEVICE; it contradicts other devices.
void resolve_device(TrainOptions& options, const CLI::Option& device) {
  if (!options.no_cuda) return;
  if (!is_from_environment(device, options.device) && options.device != "auto" && options.device != "cpu") {
    throw usage_error(fmt::format("--no-cuda contradicts --device {}", options.device),
                      "omit one of them; --device auto or --no-cuda=false overrides the config file");
  }
  options.device = "cpu";
}

constexpr const char* kCheckpointEvery = "--checkpoint-every";
constexpr const char* kStopAfter = "--stop-after";

// Options for checkpoints, resuming and stopping.
void add_run_options(CLI::App& app, TrainOptions& o) {
  const auto add = [](CLI::Option* option) { return option->group("Run"); };
  add(not_empty(app.add_option("--run-dir", o.run_dir,
                               "folder for config, log, metrics and checkpoints; runs/<arch>-<n>, numbered")))
      ->configurable(false)  // a run has a folder of its own, and its config.toml is to be used again
      ->type_name("DIR");
  add(add_flag(app, "--tensorboard", o.tensorboard,
               "also write an event file for TensorBoard to the run directory: tensorboard --logdir runs"));
  add(app.add_option("--resume", o.resume,
                     "resume the run in this folder, else the newest one in runs/ that is not finished; auto: "
                     "start a new one if there is none"))
      ->configurable(false)
      ->type_name("DIR|auto")
      ->expected(0, 1)
      ->default_str("");
  add(app.add_option(kCheckpointEvery, o.checkpoint_every,
                     "interval of checkpoints: a number with epochs, steps, s, min or h (default: every epoch, and "
                     "at least every 10min)"))
      ->type_name("N{epochs|steps|s|min|h}");
  add(integer(
      app.add_option("--keep", o.keep, "number of newest checkpoints to keep, besides the one of the best epoch"), 1,
      1'000'000));
  add(app.add_option(kStopAfter, o.stop_after, "write a checkpoint after that time and exit"))
      ->configurable(false)  // for this process, not for the run
      ->type_name("N{s|min|h}");
  add(integer(app.add_option("--checkpoint-exit-code", o.checkpoint_exit_code,
                             "exit code of a run that was stopped by --stop-after or SIGUSR1 and requests a "
                             "restart"),
              0, 255));
}

void add_model_options(CLI::App& app, TrainOptions& o) {
  const auto add = [](CLI::Option* option) { return option->group("Model and data"); };
  add(add_data_dir(app, o.data.data_dir));
  add(app.add_option("--weights", o.weights,
                     "model file with initial weights, or none; default for photos: the published "
                     "weights, which the script fetch_data downloads"))
      ->type_name("FILE|none");
  add(one_of(app.add_option("--scenario", o.scenario,
                            "part to train: the whole network, or only its last layer, with the "
                            "other layers unchanged"),
             {"finetuning", "fixedfeature"}));
  add(one_of(app.add_option("--augment", o.augment, "random crops and flips of training photos"), {"on", "off"}));
  add(real(app.add_option("--rotate", o.rotate, "rotate training digits at random by up to this many degrees"), 0,
           180));
  add(integer(
          app.add_option("--img-size", o.img_size,
                         "side of the square input of a network for photos, in pixels (default: 224); stored in the "
                         "model"),
          32, 1024))
      ->default_str("");
  add(real(app.add_option("--val-split", o.data.val_split,
                          "share of each class's pictures for validation, if --data-dir is a folder of class folders "
                          "or a CSV file of path,label; the content of a picture and --seed decide its part"),
           0, 0.9))
      ->default_str("");
  add(integer(app.add_option(
                  "--calibrate", o.data.calibrate,
                  "number of training images to hold back, by --seed, to calibrate the model's probabilities "
                  "after training, such as 2000; --dataset folder uses the validation pictures; 0: no calibration"),
              0, 1'000'000))
      ->default_str("");
  add(add_cache_mb(app, o.data.cache_mb));
  add(add_bad_images(app, o.data.bad_images));
}

void add_training_options(CLI::App& app, TrainOptions& o) {
  const auto add = [](CLI::Option* option) { return option->group("Recipe"); };
  constexpr double kMany = 1e6;
  add(real(app.add_option("--warmup-epochs", o.warmup_epochs,
                          "epochs of linear warm-up of the learning rate (step, cosine)"),
           0, kMany));
  add(real(app.add_option("--label-smoothing", o.label_smoothing,
                          "share of the target that is distributed evenly over all classes"),
           0, 1));
  add(real(app.add_option("--clip-grad-norm", o.clip_grad_norm, "maximum norm of all gradients together; 0: no limit"),
           0, 1e9));
  add(real(app.add_option("--ema-decay", o.ema_decay,
                          "evaluate and write a moving average of the weights; each step keeps this share of it, less "
                          "in the first steps, such as 0.999; 0: no average"),
           0, 0.999999));
  add(integer(app.add_option("--early-stop", o.early_stop,
                             "stop after this many epochs without a better test accuracy; 0: never"),
              0, 1'000'000));
  add(one_of(app.add_option("--class-weights", o.class_weights,
                            "weight of an image in the training loss; balanced: all classes have the same total "
                            "weight"),
             {"none", "balanced"}));
  add(integer(
      app.add_option("--seed", o.seed,
                     "seed of initial weights, order and dropout, and of what --val-split and --calibrate select"),
      0, std::numeric_limits<std::int64_t>::max()));
}

void add_machine_options(CLI::App& app, TrainOptions& o) {
  const auto add = [](CLI::Option* option) { return option->group("Machine"); };
  add(add_device(app, o.device));
  add(add_flag(app, "--no-cuda", o.no_cuda, "same as --device cpu"));
  add(add_precision(app, o.precision));
  add(add_kernels(app, o.kernels));
  add(one_of(app.add_option("--cuda-graphs", o.cuda_graphs,
                            "on an NVIDIA GPU: record a training step and repeat it, instead of launching its "
                            "kernels one by one"),
             {"on", "off"}));
  add(add_threads(app, o.threads));
  add(integer(app.add_option("--procs", o.procs,
                             "train with this many processes on this machine, each with its part of every batch "
                             "(default: those that torchrun, srun or mpirun started)"),
              1, 1024))
      ->configurable(false)  // of where it runs, not of the run
      ->default_str("");
  add(integer(app.add_option("--timeout", o.timeout,
                             "seconds within which all processes exit if one is lost or does not respond"),
              10, 86'400));
  add(add_flag(app, "--deterministic", o.deterministic,
               "bit-for-bit the same results from the same command on the same machine, also on a GPU"));
}

void add_result_options(CLI::App& app, TrainOptions& o) {
  const auto add = [](CLI::Option* option) { return option->group("Results"); };
  constexpr std::int64_t kMany = 1'000'000'000;
  add(not_empty(app.add_option("--output", o.output,
                               "model to write, .pt or .safetensors; mnist_cnn.pt for cnn, else <arch>.pt")))
      ->type_name("FILE");
  add(app.add_option("--save-model", o.save_model, "same as --output, for commands written for the Python programs"))
      ->type_name("FILE")
      ->expected(0, 1);
  add(add_flag(app, "--overwrite", o.overwrite,
               "replace an existing model; by default it is kept as FILE.bak unless the new one is at least "
               "as good"));
  add(integer(
      app.add_option("--log-interval", o.log_interval,
                     "batches between two lines on stdout and two rows of metrics.csv; networks for photos print "
                     "no lines between epochs"),
      1, kMany));
  add(add_flag(app, "--quiet", o.quiet,
               "one line per epoch and the written files on stdout, warnings and errors on stderr; "
               "log.txt contains everything"))
      ->configurable(false);  // for this process, not for the run
  add(add_flag(app, "--verbose", o.verbose,
               "also print speed and loss every --log-interval batches and further details to stderr; same as "
               "--log-level debug"))
      ->configurable(false);
  add(add_flag(app, "--live", o.live, "on a terminal, draw the curves and a table of the last epochs below the lines"));
  add(integer(app.add_option("--limit-batches", o.limit_batches,
                             "maximum number of training and test batches per epoch; 0: all"),
              0, kMany));
  add(add_flag(app, "--dry-run", o.dry_run, "run one training and one test batch; writes no model"));
}

// The defaults of the recipe's options.
TrainingDefaults defaults_of(const TrainOptions& options) {
  const ModelInfo& info = model_info(options.arch);
  TrainingDefaults defaults = recipe_named(options.recipe_name, info);
  if (!options.recipe.optimizer.empty()) {
    const bool pretrained = initial_weights(info, options.weights) != "none";
    defaults = with_optimizer(defaults, options.recipe.optimizer, pretrained);
  }
  if (options.early_stop > 0) defaults.keep_best = "on";  // the epochs after the best one did not improve it
  return defaults;
}

}  // namespace

std::filesystem::path output_path(const TrainOptions& options) {
  if (!options.output.empty()) return options.output;
  if (!options.save_model.empty()) return options.save_model;
  return options.arch == "cnn" ? kDefaultModel : options.arch + ".pt";
}

void set_verbosity(const CLI::App& given, const TrainOptions& options, spdlog::logger& log) {
  if (is_given(*given.get_parent()->get_option("--log-level"))) return;
  if (options.verbose) log.set_level(spdlog::level::debug);
  if (options.quiet) log.sinks().front()->set_level(spdlog::level::warn);
}

CheckpointPolicy checkpoint_policy(const TrainOptions& options) {
  if (!options.checkpoint_every.empty()) return parse_checkpoint_every(kCheckpointEvery, options.checkpoint_every);
  return {.epochs = 1, .seconds = 600};
}

TrainingOptions training_options(const TrainOptions& options, const c10::Device& device, spdlog::logger& log) {
  TrainingOptions training;
  training.epochs = options.dry_run ? 1 : options.recipe.epochs;
  training.batch_size = options.recipe.batch_size;
  training.test_batch_size = options.recipe.test_batch_size;
  training.log_interval = options.log_interval;
  training.limit_batches = options.dry_run ? 1 : options.limit_batches;
  training.spread_test = options.recipe.dataset == kFolder;
  training.seed = options.seed;
  const TrainingDefaults& recipe = options.recipe;
  training.optimizer = {optimizer_kind(recipe.optimizer), recipe.momentum, recipe.weight_decay};
  training.schedule = {recipe.lr,       recipe.gamma,         recipe.step_size, schedule_kind(recipe.schedule),
                       training.epochs, options.warmup_epochs};
  training.label_smoothing = options.label_smoothing;
  training.clip_grad_norm = options.clip_grad_norm;
  training.ema_decay = options.ema_decay;
  training.early_stop = options.early_stop;
  training.shuffle = options.recipe.shuffle == "on";
  if (options.scenario == "fixedfeature") training.inputs = Inputs::features;
  training.compute = {device, choose_precision(options.precision, device), kernels_named(options.kernels),
                      plugin_for(options, device, log)};
  training.cuda_graphs = options.cuda_graphs == "on";
  training.note = [&log](const std::string& sentence) { log.warn("{}", sentence); };
  return training;
}

std::shared_ptr<const TrainOptions> add_train_options(CLI::App& app) {
  const auto options = std::make_shared<TrainOptions>();
  TrainOptions& o = *options;
  one_of(app.add_option("--arch", o.arch, "network"), model_names())->group("Model and data");
  const auto recipe = std::make_shared<RecipeOptions>(app, o.recipe);
  add_model_options(app, o);
  one_of(
      app.add_option("--recipe", o.recipe_name,
                     "source of the defaults of this group; reference: the network's reference program; fast: 99 % of "
                     "MNIST in the least time"),
      {"reference", "fast"})
      ->group("Recipe");
  add_training_options(app, o);
  add_machine_options(app, o);
  add_result_options(app, o);
  add_run_options(app, o);

  app.footer(defaults_by_network());
  const CLI::Option* const resume = app.get_option("--resume");
  const CLI::Option* const device = app.get_option("--device");
  app.callback([=] {
    if (resume->count() > 0 && options->resume.empty()) options->resume = kResumeNewest;
    checkpoint_policy(*options);
    if (!options->stop_after.empty()) parse_duration(kStopAfter, options->stop_after);
    if (!options->resume.empty() && options->dry_run) {
      throw usage_error("--dry-run trains one batch of a new network, and --resume continues a run",
                        "give one of them");
    }
    options->data.split_seed = options->seed;
    if (options->quiet && options->verbose) {
      throw usage_error("--quiet and --verbose contradict each other", "omit one of them");
    }
    resolve_device(*options, *device);
    if (!options->output.empty() && !options->save_model.empty() && options->output != options->save_model) {
      throw usage_error("--output and --save-model give different files", "they mean the same: omit one of them");
    }
    recipe->fill_in(defaults_of(*options));
  });
  return options;
}

}  // namespace mnist::cli
