#include "mnist/serve/metrics.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mnist {

std::string metric_heading(const std::string& name, const char* type, const char* help) {
  return fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

void Histogram::add(double value) {
  const auto limit = std::ranges::lower_bound(limits_, value);
  ++counts_[static_cast<std::size_t>(limit - limits_.begin())];
  sum_ += value;
}

std::string Histogram::text(const std::string& name, const std::string& labels) const {
  const std::string before = labels.empty() ? "" : labels + ",";
  const std::string braces = labels.empty() ? "" : "{" + labels + "}";
  std::string text;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    count += counts_[i];
    const std::string limit = i < limits_.size() ? fmt::format("{}", limits_[i]) : "+Inf";
    text += fmt::format("{}_bucket{{{}le=\"{}\"}} {}\n", name, before, limit, count);
  }
  return text + fmt::format("{0}_sum{1} {2}\n{0}_count{1} {3}\n", name, braces, sum_, count);
}

std::string metric_label(const std::string& name, const std::string& value) {
  std::string text = name + "=\"";
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
    } else {
      if (c == '\\' || c == '"') text += '\\';
      text += c;
    }
  }
  return text + "\"";
}

void Metrics::request(const std::string& endpoint, int status, double seconds) {
  static const std::vector<double> kLimits = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                              0.1,    0.25,  0.5,    1,     2.5,  5,     10};
  const std::lock_guard lock(mutex_);
  ++requests_[{endpoint, status}];
  seconds_.try_emplace(endpoint, kLimits).first->second.add(seconds);
}

void Metrics::batch(const std::string& labels, std::size_t images) {
  static const std::vector<double> kLimits = {1, 2, 4, 8, 16, 32, 64, 128, 256};
  const std::lock_guard lock(mutex_);
  batches_.try_emplace(labels, kLimits).first->second.add(static_cast<double>(images));
}

void Metrics::reload(const std::string& result) {
  const std::lock_guard lock(mutex_);
  ++reloads_[result];
}

std::string Metrics::text() const {
  const std::lock_guard lock(mutex_);
  std::string text = metric_heading("mnist_requests_total", "counter", "Answered requests.");
  for (const auto& [key, count] : requests_) {
    text += fmt::format("mnist_requests_total{{{},code=\"{}\"}} {}\n", metric_label("endpoint", key.first), key.second,
                        count);
  }
  text += metric_heading("mnist_request_seconds", "histogram", "From the whole request to its answer.");
  for (const auto& [endpoint, histogram] : seconds_) {
    text += histogram.text("mnist_request_seconds", metric_label("endpoint", endpoint));
  }
  text += metric_heading("mnist_batch_images", "histogram", "Images per run of a network.");
  for (const auto& [labels, histogram] : batches_) text += histogram.text("mnist_batch_images", labels);
  text += metric_heading("mnist_reloads_total", "counter", "Model files that were read again, by result.");
  for (const auto& [result, count] : reloads_) {
    text += fmt::format("mnist_reloads_total{{{}}} {}\n", metric_label("result", result), count);
  }
  return text;
}

}  // namespace mnist
