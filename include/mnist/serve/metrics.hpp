// Counters of the server, in Prometheus' text format 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace mnist {

// Numbers counted by upper limits of what they measure.
class Histogram {
 public:
  explicit Histogram(std::vector<double> limits) : limits_(std::move(limits)), counts_(limits_.size() + 1) {}

  void add(double value);

  // Its lines. `labels`: such as endpoint="predict"; may be empty.
  std::string text(const std::string& name, const std::string& labels) const;

 private:
  std::vector<double> limits_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

// The two lines before the lines of a metric. `type`: counter, gauge or histogram.
std::string metric_heading(const std::string& name, const char* type, const char* help);

// name="value", with what the format needs escaped.
std::string metric_label(const std::string& name, const std::string& value);

// Of requests, batches and reloads. All functions can be called from any thread.
class Metrics {
 public:
  void request(const std::string& endpoint, int status, double seconds);
  // `labels`: of the model.
  void batch(const std::string& labels, std::size_t images);
  void reload(const std::string& result);

  std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> requests_;
  std::map<std::string, Histogram> seconds_;
  std::map<std::string, Histogram> batches_;
  std::map<std::string, std::uint64_t> reloads_ = {{"failed", 0}, {"ok", 0}, {"unchanged", 0}};
};

}  // namespace mnist
