#include "mnist/train/gradient_sum.hpp"

#include <chrono>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace mnist {
namespace {

// Large enough for a high bandwidth, small enough that most gradients of a large network are sent early.
constexpr std::int64_t kBucketElements = 1 << 20;

}  // namespace

GradientSum::GradientSum(const std::vector<torch::Tensor>& parameters, std::shared_ptr<Communicator> ranks)
    : ranks_(std::move(ranks)) {
  if (ranks_->size() == 1) return;
  std::vector<torch::Tensor> next;
  std::int64_t elements = 0;
  // The last layers' gradients are ready first. Copied, since clang 14 cannot compile std::views::reverse.
  const std::vector<torch::Tensor> from_last(parameters.rbegin(), parameters.rend());
  for (const torch::Tensor& parameter : from_last) {
    next.push_back(parameter);
    elements += parameter.numel();
    if (elements < kBucketElements) continue;
    add_bucket(std::move(next));
    next.clear();
    elements = 0;
  }
  if (!next.empty()) add_bucket(std::move(next));
  // After the last bucket, because the hooks keep indices of `buckets_`.
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    for (std::size_t p = 0; p < buckets_[b].parts.size(); ++p) {
      Part& part = buckets_[b].parts[p];
      part.hook =
          part.parameter.register_hook([this, b, p](const torch::Tensor& gradient) { add_gradient(b, p, gradient); });
    }
  }
}

GradientSum::~GradientSum() {
  for (Bucket& bucket : buckets_) {
    for (Part& part : bucket.parts) part.parameter.remove_hook(part.hook);
  }
}

void GradientSum::add_bucket(std::vector<torch::Tensor> parameters) {
  std::int64_t elements = 0;
  for (const torch::Tensor& parameter : parameters) elements += parameter.numel();
  Bucket& bucket = buckets_.emplace_back();
  bucket.all = at::zeros({elements}, parameters.front().options().requires_grad(false));
  std::int64_t at = 0;
  for (const torch::Tensor& parameter : parameters) {
    bucket.parts.push_back({parameter, bucket.all.as_strided(parameter.sizes(), parameter.strides(), at)});
    at += parameter.numel();
  }
}

void GradientSum::begin() {
  started_ = 0;
  for (Bucket& bucket : buckets_) {
    bucket.ready = 0;
    for (Part& part : bucket.parts) part.ready = false;
  }
}

void GradientSum::add_gradient(std::size_t bucket, std::size_t part, const torch::Tensor& gradient) {
  const c10::AutoGradMode no_grad(false);
  Part& own = buckets_[bucket].parts[part];
  own.sum.copy_(gradient);
  own.ready = true;
  ++buckets_[bucket].ready;
  start_ready_buckets();
}

void GradientSum::start_ready_buckets() {
  while (started_ < buckets_.size() && buckets_[started_].ready == buckets_[started_].parts.size()) {
    buckets_[started_].transfer = ranks_->begin_sum(buckets_[started_].all);
    ++started_;
  }
}

void GradientSum::finish() {
  if (buckets_.empty()) return;
  const c10::AutoGradMode no_grad(false);
  const auto start = std::chrono::steady_clock::now();
  for (Bucket& bucket : buckets_) {
    for (Part& part : bucket.parts) {
      if (!part.ready) part.sum.zero_();
    }
    bucket.ready = bucket.parts.size();
  }
  start_ready_buckets();
  for (Bucket& bucket : buckets_) {
    bucket.transfer->wait();
    bucket.transfer.reset();
    for (Part& part : bucket.parts) part.parameter.mutable_grad() = part.sum;
  }
  exposed_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace mnist
