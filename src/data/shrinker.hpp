// Shrinks a picture by an integer factor, row by row.
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

namespace mnist {

// Each square of `factor` x `factor` pixels becomes its rounded mean; squares at the right and lower edge may be
// smaller. Rows can be added in any number; a row of the result is returned after its last input row.
class Shrinker {
 public:
  // For pictures [channels, height, width]. The sides of the result are divided by `factor` and rounded up.
  Shrinker(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t factor);

  // `planes`: uint8 [channels, n, width], the next rows. Returns the completed rows of the result: uint8 [channels, m,
  // width of the result]; m can be 0.
  torch::Tensor add(const torch::Tensor& planes);

 private:
  void add_row(const std::uint8_t* row, std::int64_t channel);
  void give_row(std::uint8_t* row, std::int64_t channel) const;

  std::int64_t channels_;
  std::int64_t height_;
  std::int64_t width_;
  std::int64_t factor_;
  std::int64_t narrow_;              // the result's width
  std::int64_t rows_ = 0;            // added rows
  std::vector<std::uint64_t> sums_;  // [channels, narrow], of the incomplete row
};

}  // namespace mnist
