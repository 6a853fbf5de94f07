#include "mnist/data/batches.hpp"

#include "mnist/data/augment.hpp"

namespace mnist {

void ResidentBatches::start(const torch::Tensor& order, std::int64_t epoch) {
  order_ = order.to(dataset_.labels.device());
  if (rotation_.degrees != 0) angles_ = random_angles(rotation_.degrees, order, rotation_.seed, epoch);
}

Batch ResidentBatches::get(std::int64_t begin, std::int64_t end) {
  const torch::Tensor items = order_.slice(0, begin, end);
  if (rotation_.degrees == 0) return gather_batch(dataset_, items, preprocessing_);
  const torch::Tensor turned = rotate(dataset_.images.index_select(0, items), angles_.slice(0, begin, end));
  return {normalize(turned, preprocessing_), dataset_.labels.index_select(0, items)};
}

}  // namespace mnist
