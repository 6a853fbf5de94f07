// mnist evaluate: loss and accuracy of a saved model on a labelled set.
#include "mnist/train/evaluate.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/device/device.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/report/reference_log.hpp"

#include "command.hpp"
#include "load_model.hpp"
#include "options.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

struct EvaluateOptions {
  std::filesystem::path model = kDefaultModel;
  std::optional<std::string> dataset;
  std::filesystem::path data_dir;
  std::string split = "test";
  std::int64_t batch_size = 1000;
  std::string device = "auto";
  std::string precision = "fp32";
  int threads = 0;
  std::string format = "text";
};

int run_evaluate(const EvaluateOptions& options, const Context& context) {
  set_threads(wanted_threads(options.threads));
  const DeviceChoice device = select_device(options.device);
  const LoadedModel model = load_model(options.model);
  const std::string dataset_name = options.dataset.value_or(dataset_of(model));
  const Split split = options.split == "train" ? Split::train : Split::test;
  const Dataset dataset = to_device(load_dataset(dataset_name, options.data_dir, split), device.device);
  if (dataset.class_names.size() != model.recipe.class_names.size()) {
    throw data_error(fmt::format("{} tells {} classes apart, the data set {} has {}", quoted(options.model),
                                 model.recipe.class_names.size(), dataset_name, dataset.class_names.size()),
                     "name the data set that the model was trained on with --dataset");
  }
  context.log.info("device: {}{}", device.description, device.note.empty() ? "" : "; " + device.note);

  model.network->to(device.device);
  const Evaluation result =
      evaluate(*model.network, dataset, model.recipe.preprocessing,
               {device.device, choose_precision(options.precision, device.device), options.batch_size, 0});
  if (options.format == "json") {
    const nlohmann::ordered_json json = {
        {"model", options.model.string()}, {"arch", model.recipe.arch},    {"dataset", dataset_name},
        {"split", options.split},          {"loss", result.loss},          {"correct", result.correct},
        {"total", result.total},           {"accuracy", result.accuracy()}};
    print(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  } else {
    print(fmt::format("\n{}\n\n", test_line(result)));
  }
  return 0;
}

}  // namespace

Command add_evaluate(CLI::App& root) {
  CLI::App* app = root.add_subcommand("evaluate", "Loss and accuracy of a saved model on a labelled set");
  const auto options = std::make_shared<EvaluateOptions>();
  EvaluateOptions& o = *options;
  app->add_option("--model", o.model, "model file, of this program or of a Python one")
      ->type_name("FILE")
      ->default_str(kDefaultModel);
  one_of(app->add_option("--dataset", o.dataset, "data set (default: the one the model was trained on)"),
         dataset_names());
  add_data_dir(*app, o.data_dir);
  one_of(app->add_option("--split", o.split, "part of the data set"), {"test", "train"});
  integer(app->add_option("--batch-size", o.batch_size, "images a step"), 1, 1'000'000);
  add_device(*app, o.device);
  one_of(app->add_option("--precision", o.precision, "what the network computes in; auto: bf16 on a CPU that has it"),
         {"fp32", "bf16", "auto"});
  add_threads(*app, o.threads);
  add_format(*app, o.format, {"text", "json"});
  return {app, [options](const Context& context) { return run_evaluate(*options, context); }};
}

}  // namespace mnist::cli
