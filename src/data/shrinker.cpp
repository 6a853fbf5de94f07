#include "shrinker.hpp"

#include <algorithm>

namespace mnist {

Shrinker::Shrinker(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t factor)
    : channels_(channels),
      height_(height),
      width_(width),
      factor_(factor),
      narrow_((width + factor - 1) / factor),
      sums_(static_cast<std::size_t>(channels * narrow_)) {}

torch::Tensor Shrinker::add(const torch::Tensor& planes) {
  const auto rows = planes.contiguous();
  const std::int64_t count = rows.size(1);
  const std::int64_t end = rows_ + count;
  const std::int64_t complete = (end == height_ ? (end + factor_ - 1) / factor_ : end / factor_) - rows_ / factor_;
  auto out = torch::empty({channels_, complete, narrow_}, torch::kUInt8);
  const auto* from = rows.const_data_ptr<std::uint8_t>();
  auto* to = out.data_ptr<std::uint8_t>();
  for (std::int64_t row = 0; row < count; ++row) {
    for (std::int64_t channel = 0; channel < channels_; ++channel) {
      add_row(from + (channel * count + row) * width_, channel);
    }
    ++rows_;
    if (rows_ % factor_ != 0 && rows_ != height_) continue;
    for (std::int64_t channel = 0; channel < channels_; ++channel) {
      give_row(to + channel * complete * narrow_, channel);
    }
    to += narrow_;
    std::fill(sums_.begin(), sums_.end(), 0);
  }
  return out;
}

void Shrinker::add_row(const std::uint8_t* row, std::int64_t channel) {
  auto* sum = sums_.data() + channel * narrow_;
  for (std::int64_t begin = 0; begin < width_; begin += factor_, ++sum) {
    const std::int64_t end = std::min(begin + factor_, width_);
    for (std::int64_t x = begin; x < end; ++x) *sum += row[x];
  }
}

void Shrinker::give_row(std::uint8_t* row, std::int64_t channel) const {
  const auto tall = static_cast<std::uint64_t>((rows_ - 1) % factor_ + 1);  // height of the squares of this row
  const auto* sum = sums_.data() + channel * narrow_;
  for (std::int64_t x = 0; x < narrow_; ++x) {
    const auto count = tall * static_cast<std::uint64_t>(std::min(factor_, width_ - x * factor_));
    row[x] = static_cast<std::uint8_t>((sum[x] + count / 2) / count);
  }
}

}  // namespace mnist
