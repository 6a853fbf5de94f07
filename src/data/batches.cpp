#include "mnist/data/batches.hpp"

#include <vector>

#include <ATen/ops/empty.h>

#include "mnist/data/augment.hpp"

namespace mnist {

void ResidentBatches::start(const torch::Tensor& order, std::int64_t epoch) {
  copy_into_buffer(order_, order, dataset_.labels.device());
  if (rotation_.degrees != 0) angles_ = random_angles(rotation_.degrees, order, rotation_.seed, epoch);
}

Batch ResidentBatches::get(std::int64_t begin, std::int64_t end) {
  const torch::Tensor items = order_.slice(0, begin, end);
  if (rotation_.degrees == 0) return gather_batch(dataset_, items, preprocessing_);
  const torch::Tensor turned = rotate(dataset_.images.index_select(0, items), angles_.slice(0, begin, end));
  return {normalize(turned, preprocessing_), dataset_.labels.index_select(0, items)};
}

bool ResidentBatches::prepare(std::int64_t rows, Batch& batch) {
  if (rotation_.degrees != 0) return false;
  if (!batch.inputs.defined()) {
    std::vector<std::int64_t> shape = dataset_.images.sizes().vec();
    shape.front() = rows;
    batch.inputs = at::empty(shape, dataset_.images.options().dtype(at::kFloat));
    batch.targets = at::empty({rows}, dataset_.labels.options());
  }
  return true;
}

void ResidentBatches::gather(const CudaPlugin& cuda, const torch::Tensor& clock, std::int64_t batch_size,
                             Batch& batch) {
  cuda.gather(dataset_.images, dataset_.labels, order_, clock, batch_size, preprocessing_.mean, preprocessing_.std,
              batch.inputs, batch.targets);
}

}  // namespace mnist
