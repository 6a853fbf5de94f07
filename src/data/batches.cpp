#include "mnist/data/batches.hpp"

namespace mnist {

void ResidentBatches::start(const torch::Tensor& order, std::int64_t /*epoch*/) {
  order_ = order.to(dataset_.labels.device());
}

Batch ResidentBatches::get(std::int64_t begin, std::int64_t end) {
  return gather_batch(dataset_, order_.slice(0, begin, end), preprocessing_);
}

}  // namespace mnist
