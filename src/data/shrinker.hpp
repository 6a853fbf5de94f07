// Pixels at a whole fraction of their size, made of rows as they come.
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

namespace mnist {

// Each square of `factor` x `factor` pixels becomes their mean, rounded; at the right and lower edge, of those that are
// there. Rows come in pieces of any size; a row of the result is given when its last one has come.
class Shrinker {
 public:
  // Of pictures of `channels` x `height` x `width`; the result has the sides divided by `factor`, rounded up.
  Shrinker(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t factor);

  // `planes`: uint8 [channels, n, width], the next rows. Returns uint8 [channels, m, narrow width], those that are
  // complete now; m can be 0.
  torch::Tensor add(const torch::Tensor& planes);

 private:
  void add_row(const std::uint8_t* row, std::int64_t channel);
  void give_row(std::uint8_t* row, std::int64_t channel) const;

  std::int64_t channels_;
  std::int64_t height_;
  std::int64_t width_;
  std::int64_t factor_;
  std::int64_t narrow_;              // the result's width
  std::int64_t rows_ = 0;            // that have come
  std::vector<std::uint64_t> sums_;  // [channels, narrow], of the row that is not complete
};

}  // namespace mnist
