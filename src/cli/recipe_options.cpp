#include "recipe_options.hpp"

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/train/optimizer.hpp"
#include "mnist/train/schedule.hpp"

#include "open_data.hpp"
#include "options.hpp"

namespace mnist::cli {

template <class T>
void RecipeOptions::add(CLI::Option* option, T TrainingDefaults::*member, const char* group) {
  option->group(group)->default_str("");  // no default in the help: it depends on the network
  fill_in_.push_back([this, option, member](const TrainingDefaults& of_network) {
    if (!option->empty()) return;
    values_.*member = of_network.*member;
    option->default_str(fmt::format("{}", of_network.*member));
  });
}

RecipeOptions::RecipeOptions(CLI::App& app, TrainingDefaults& values) : values_(values) {
  using D = TrainingDefaults;
  constexpr std::int64_t kMillion = 1'000'000;
  add(one_of(app.add_option("--dataset", values.dataset, "data set"), all_dataset_names()), &D::dataset,
      "Model and data");
  add(integer(app.add_option("--epochs", values.epochs, "passes over the training set"), 1, kMillion), &D::epochs);
  add(integer(app.add_option("--batch-size", values.batch_size, "images per training step"), 1, kMillion),
      &D::batch_size);
  add(integer(app.add_option("--test-batch-size", values.test_batch_size, "images per test step"), 1, kMillion),
      &D::test_batch_size);
  add(one_of(app.add_option("--optimizer", values.optimizer, "optimizer"), optimizer_names()), &D::optimizer);
  add(real(app.add_option("--lr", values.lr, "maximum learning rate: of the first epoch, or the peak of one-cycle"), 0,
           1e6),
      &D::lr);
  add(one_of(
          app.add_option("--schedule", values.schedule,
                         "learning rate schedule; step: by --step-size and --gamma; one-cycle: up to --lr, then to 0; "
                         "cosine: from --lr to 0"),
          schedule_names()),
      &D::schedule);
  add(integer(app.add_option("--step-size", values.step_size,
                             "epochs after which the learning rate is multiplied by gamma; 0: never"),
              0, kMillion),
      &D::step_size);
  add(real(app.add_option("--gamma", values.gamma, "factor of the learning rate"), 0, 1e6), &D::gamma);
  add(real(app.add_option("--momentum", values.momentum, "momentum of sgd"), 0, 1), &D::momentum);
  add(real(app.add_option("--weight-decay", values.weight_decay, "L2 penalty; adamw: decay of the weights"), 0, 1e6),
      &D::weight_decay);
  add(one_of(app.add_option("--shuffle", values.shuffle, "use another order of the images every epoch"), {"on", "off"}),
      &D::shuffle);
  add(one_of(app.add_option(
                 "--keep-best", values.keep_best,
                 "write the model of the epoch with the best test accuracy instead of the last one (default: by "
                 "network; on with --early-stop)"),
             {"on", "off"}),
      &D::keep_best);
}

void RecipeOptions::fill_in(const TrainingDefaults& of_network) const {
  for (const auto& fill_in : fill_in_) fill_in(of_network);
}

TrainingDefaults with_optimizer(const TrainingDefaults& recipe, const std::string& optimizer, bool pretrained) {
  if (optimizer == recipe.optimizer) return recipe;
  const OptimizerDefaults& own = optimizer_defaults(optimizer_kind(optimizer));
  TrainingDefaults result = recipe;
  result.optimizer = optimizer;
  // Pretrained weights need a smaller learning rate.
  result.lr = pretrained ? own.lr / 10 : own.lr;
  result.momentum = own.momentum;
  result.weight_decay = own.weight_decay;
  return result;
}

const TrainingDefaults& recipe_named(const std::string& name, const ModelInfo& network) {
  if (name == "reference") return network.training;
  if (network.fast) return *network.fast;
  std::string others;
  for (const ModelInfo& info : models()) others += info.fast ? " " + info.name : "";
  throw usage_error(fmt::format("there is no recipe '{}' for {}", name, network.name),
                    fmt::format("networks that have it:{}", others));
}

std::string defaults_by_network() {
  const auto options = [](const TrainingDefaults& d) {
    return fmt::format(
        "    --dataset {} --epochs {} --batch-size {} --test-batch-size {}\n"
        "    --optimizer {} --lr {} --momentum {} --weight-decay {}\n"
        "    --schedule {} --step-size {} --gamma {} --shuffle {} --keep-best {}\n",
        d.dataset, d.epochs, d.batch_size, d.test_batch_size, d.optimizer, d.lr, d.momentum, d.weight_decay, d.schedule,
        d.step_size, d.gamma, d.shuffle, d.keep_best);
  };
  std::string text = "Defaults by optimizer, if --optimizer is not the network's default:\n";
  for (const std::string& name : optimizer_names()) {
    const OptimizerDefaults& d = optimizer_defaults(optimizer_kind(name));
    text += fmt::format("  {}: --lr {} --momentum {} --weight-decay {}\n", name, d.lr, d.momentum, d.weight_decay);
  }
  text += "  for pretrained weights a tenth of that --lr\nDefaults by network:\n";
  for (const ModelInfo& info : models()) {
    // A description has its source in brackets at its end.
    const std::size_t source = info.description.rfind(" (");
    text += fmt::format("  {}: {}\n    {}\n{}", info.name, info.description.substr(0, source),
                        info.description.substr(source + 1), options(info.training));
    if (info.fast) text += fmt::format("  {} with --recipe fast:\n{}", info.name, options(*info.fast));
  }
  return text;
}

}  // namespace mnist::cli
