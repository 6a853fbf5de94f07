// Calibrated probabilities: of the images with a probability of 90 %, 9 of 10 are classified correctly.
//
// Fits one number, the temperature. Logits are divided by it before softmax, so the most probable class does
// not change (Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017).
#pragma once

#include <string>

#include <torch/types.h>

namespace mnist {

// Fits the temperature on images that were not used for training: it minimizes the sum of their negative
// log-likelihoods and (ln temperature)^2 / 2. The second term keeps it near 1 if there are few images, or if all are
// correct; for thousands of images it is negligible. `log_probabilities`: [N, classes], N at least 1, of any
// floating-point type, logits as well; `targets`: int64 [N]. Both on the same device. Between 0.05 and 20.
double fit_temperature(const torch::Tensor& log_probabilities, const torch::Tensor& targets);

// Log-probabilities, or logits, [N, classes] at that temperature, in double. Unchanged for temperature 1.
torch::Tensor at_temperature(const torch::Tensor& log_probabilities, double temperature);

// In words: "temperature 1.234", or that none was fitted. `fitted_here`: on the images of a calibration error, which is
// then too small for others.
std::string temperature_text(double temperature, bool fitted_here);

}  // namespace mnist
