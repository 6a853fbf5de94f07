// Probabilities that hold what they say: of the images with a probability of 90 %, 9 of 10 are right.
//
// One number is fitted, the temperature, by which logits are divided before softmax; which class is the likeliest does
// not change (Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017).
#pragma once

#include <torch/types.h>

namespace mnist {

// The temperature that is the most likely one for images which the network was not trained on: of the smallest sum of
// their negative log-likelihoods and of (ln temperature)^2 / 2. The second term keeps it near 1 if the images are few,
// or all right; of thousands it changes nothing that counts. `log_probabilities`: [N, classes], N at least 1, of any
// floating-point type, logits as well; `targets`: int64 [N]. Both on the same device. Between 0.05 and 20.
double fit_temperature(const torch::Tensor& log_probabilities, const torch::Tensor& targets);

// Log-probabilities, or logits, [N, classes] at that temperature. Those of temperature 1 come back as they are,
// others in double.
torch::Tensor at_temperature(const torch::Tensor& log_probabilities, double temperature);

}  // namespace mnist
