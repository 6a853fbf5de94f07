#include "calibrate.hpp"

#include <exception>
#include <vector>

#include <ATen/ops/cat.h>

#include "mnist/core/error.hpp"
#include "mnist/core/text.hpp"
#include "mnist/report/progress.hpp"
#include "mnist/train/calibration.hpp"
#include "mnist/train/classification_report.hpp"
#include "mnist/train/evaluate.hpp"

namespace mnist::cli {
namespace {

struct Answers {
  torch::Tensor log_probabilities;  // double [N, classes]
  torch::Tensor targets;            // int64 [N]
};

Answers answers_of(const Plan& plan, const TrainingData& data, Network& network,
                   const std::function<bool()>& stop_requested, StatusLine& status) {
  std::vector<torch::Tensor> log_probabilities;
  std::vector<torch::Tensor> targets;
  EvaluationOptions options;
  options.compute = plan.training.compute;
  options.batch_size = plan.training.test_batch_size;
  // Of a frozen body only the data that it trains and tests on have features.
  options.inputs = data.held_back ? Inputs::images : plan.training.inputs;
  options.limit_batches = plan.training.limit_batches;
  options.spread = plan.training.spread_test;
  options.stop_requested = stop_requested;
  CountLine line(status, "calibrating");
  options.progress = [&line](std::int64_t done, std::int64_t all) { line.count(done, all); };
  options.each_batch = [&](const torch::Tensor& of_batch, const torch::Tensor& targets_of_batch) {
    log_probabilities.push_back(of_batch.to(at::kCPU, at::kDouble));
    targets.push_back(targets_of_batch.to(at::kCPU));
  };
  Batches& batches = data.held_back ? *data.held_back->batches : data.test_batches();
  if (evaluate(network, batches, options).stopped) throw Stopped();
  return {at::cat(log_probabilities), at::cat(targets)};
}

double error_at(const Answers& answers, double temperature) {
  ClassificationReport report(answers.log_probabilities.size(1), 1);
  report.add(at_temperature(answers.log_probabilities, temperature), answers.targets);
  return report.expected_calibration_error();
}

double fitted(const Answers& answers, bool pictures, spdlog::logger& log) {
  const double temperature = fit_temperature(answers.log_probabilities, answers.targets);
  log.info("calibrated on {} {} images: temperature {:.3f}, expected calibration error {:.2f} % (before {:.2f} %)",
           with_thousands(answers.targets.size(0)), pictures ? "validation" : "kept", temperature,
           100 * error_at(answers, temperature), 100 * error_at(answers, 1));
  constexpr std::int64_t kFew = 200;
  if (answers.targets.size(0) < kFew) {
    log.info("these are few images: other images would give another temperature and other errors");
  }
  return temperature;
}

}  // namespace

double calibrate(const Plan& plan, const TrainingData& data, Network& network,
                 const std::function<bool()>& stop_requested, StatusLine& status, spdlog::logger& log) {
  const bool pictures = plan.options.recipe.dataset == kFolder;
  if (pictures ? plan.options.data.calibrate == 0 : !data.held_back) return 1;
  try {
    return fitted(answers_of(plan, data, network, stop_requested, status), pictures, log);
  } catch (const Stopped&) {
    throw;
  } catch (const std::exception& error) {
    log.warn("the probabilities are not calibrated: {}", error.what());
    return 1;
  }
}

}  // namespace mnist::cli
