#include "calibrate.hpp"

#include <vector>

#include <ATen/ops/cat.h>

#include "mnist/core/text.hpp"
#include "mnist/train/calibration.hpp"
#include "mnist/train/classification_report.hpp"
#include "mnist/train/evaluate.hpp"

namespace mnist::cli {
namespace {

struct Answers {
  torch::Tensor log_probabilities;  // double [N, classes]
  torch::Tensor targets;            // int64 [N]
};

Answers answers_of(const Plan& plan, Batches& batches, Network& network) {
  std::vector<torch::Tensor> log_probabilities;
  std::vector<torch::Tensor> targets;
  EvaluationOptions options;
  options.compute = plan.training.compute;
  options.batch_size = plan.training.test_batch_size;
  options.inputs = plan.training.inputs;
  options.each_batch = [&](const torch::Tensor& of_batch, const torch::Tensor& targets_of_batch) {
    log_probabilities.push_back(of_batch.to(at::kCPU, at::kDouble));
    targets.push_back(targets_of_batch.to(at::kCPU));
  };
  evaluate(network, batches, options);
  return {at::cat(log_probabilities), at::cat(targets)};
}

double error_at(const Answers& answers, double temperature) {
  ClassificationReport report(answers.log_probabilities.size(1), 1);
  report.add(at_temperature(answers.log_probabilities, temperature), answers.targets);
  return report.expected_calibration_error();
}

}  // namespace

double calibrate(const Plan& plan, const TrainingData& data, Network& network, spdlog::logger& log) {
  const bool pictures = plan.options.recipe.dataset == kFolder;
  if (!pictures && !data.held_back) return 1;
  Batches& batches = data.held_back ? *data.held_back->batches : data.test_batches();
  const Answers answers = answers_of(plan, batches, network);
  const double temperature = fit_temperature(answers.log_probabilities, answers.targets);
  log.info("calibrated on {} {} images: temperature {:.3f}, expected calibration error {:.2f} % (before {:.2f} %)",
           with_thousands(batches.size()), pictures ? "validation" : "kept", temperature,
           100 * error_at(answers, temperature), 100 * error_at(answers, 1));
  return temperature;
}

}  // namespace mnist::cli
