#include "mnist/distributed/communicator.hpp"

#include <cstring>

#include <ATen/ATen.h>

namespace mnist {
namespace {

class Done : public Transfer {
 public:
  void wait() override {}
};

class SingleProcess : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int ranks_on_same_processors() const override { return 1; }
  std::unique_ptr<Transfer> begin_sum(const torch::Tensor& /*tensor*/) override { return std::make_unique<Done>(); }
  void broadcast(const torch::Tensor& /*tensor*/) override {}
  void barrier() override {}
  bool leave(int /*exit_code*/, const std::string& /*stop*/) noexcept override { return true; }
};

}  // namespace

std::string Communicator::broadcast_text(const std::string& text) {
  if (size() == 1) return text;
  const torch::Tensor length = at::full({1}, static_cast<std::int64_t>(text.size()), at::kLong);
  broadcast(length);
  torch::Tensor bytes = at::empty({length.item<std::int64_t>()}, at::kByte);
  if (bytes.numel() == 0) return "";
  if (leads()) std::memcpy(bytes.mutable_data_ptr<std::uint8_t>(), text.data(), text.size());
  broadcast(bytes);
  const auto* const begin = reinterpret_cast<const char*>(bytes.const_data_ptr<std::uint8_t>());
  return {begin, begin + bytes.numel()};
}

bool Communicator::any(bool value) {
  if (size() == 1) return value;
  const torch::Tensor votes = at::full({1}, value ? 1 : 0, at::kLong);
  sum(votes);
  return votes.item<std::int64_t>() > 0;
}

std::shared_ptr<Communicator> single_process() {
  return std::make_shared<SingleProcess>();
}

Rows rows_of(const Communicator& ranks, std::int64_t count) {
  const std::int64_t size = ranks.size();
  const auto begin_of = [&](std::int64_t rank) { return (count * rank + size - 1) / size; };
  return {begin_of(ranks.rank()), begin_of(ranks.rank() + 1)};
}

torch::Tensor own_rows(const Communicator& ranks, const torch::Tensor& order, std::int64_t batch_size) {
  if (ranks.size() == 1) return order;
  std::vector<torch::Tensor> parts;
  for (std::int64_t begin = 0; begin < order.size(0); begin += batch_size) {
    const Rows rows = rows_of(ranks, std::min(batch_size, order.size(0) - begin));
    parts.push_back(order.slice(0, begin + rows.begin, begin + rows.end));
  }
  return parts.empty() ? order : at::cat(parts);
}

}  // namespace mnist
