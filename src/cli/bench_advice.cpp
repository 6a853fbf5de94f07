#include "bench_advice.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/text.hpp"
#include "mnist/model/registry.hpp"

#include "bench_output.hpp"

namespace mnist::cli {
namespace {

constexpr double kAsGood = 0.95;     // of the best rate
constexpr double kPays = 1.1;        // the estimate ignores the exchange of gradients
constexpr double kOthersUse = 0.25;  // of a core; smaller values are background load

struct Choice {
  std::string name;
  double rate = 0;
};

// `choices`: in order of preference, not empty.
const Choice& first_good_one(const std::vector<Choice>& choices) {
  const double best = std::ranges::max(choices, {}, &Choice::rate).rate;
  return *std::ranges::find_if(choices, [&](const Choice& choice) { return choice.rate >= kAsGood * best; });
}

std::string threads_text(int threads) {
  return counted(threads, "thread");
}

using RateText = std::function<std::string(double rate)>;

// "2 are 1.74 times as fast as 1 (5,230 images/s and 3,010 images/s)"
std::string comparison(const Choice& one, const Choice& other, const char* verb, const RateText& text) {
  return fmt::format("{} {} {:.2f} times as fast as {} ({} and {})", one.name, verb, one.rate / other.rate, other.name,
                     text(one.rate), text(other.rate));
}

// Fewest first.
Advice about_threads(const std::string& about, const std::vector<Choice>& choices, const RateText& text) {
  const Choice& good = first_good_one(choices);
  const Choice& most = choices.back();
  const std::string options = "--threads " + good.name;
  if (&good == &most) return {about, "threads", comparison(most, *(&most - 1), "are", text), options};
  return {
      about, "threads",
      fmt::format("{} {} enough: {}", good.name, good.name == "1" ? "is" : "are", comparison(most, good, "are", text)),
      options};
}

// Most exact first.
Advice about_precision(const std::string& about, const std::vector<Choice>& choices, const RateText& text) {
  const Choice& good = first_good_one(choices);
  const Choice& exact = choices.front();
  const std::string options = "--precision " + good.name;
  if (&good != &exact) return {about, "precision", comparison(good, exact, "is", text), options};
  const Choice& next = *std::ranges::max_element(choices.begin() + 1, choices.end(), {}, &Choice::rate);
  return {about, "precision", comparison(next, exact, "is", text), options};
}

// Smallest first.
Advice about_batch_size(const std::string& about, const std::vector<Choice>& choices, const std::string& note) {
  const Choice& good = first_good_one(choices);
  const Choice& best = *std::ranges::max_element(choices, {}, &Choice::rate);
  std::string text =
      fmt::format("{} is the smallest with 95 % of the best rate ({}", good.name, images_text(good.rate));
  text += &good == &best ? ")" : fmt::format(", {} with {})", images_text(best.rate), best.name);
  return {about, "batch size", text + note, "--batch-size " + good.name};
}

// The figures of one network on one device, of training or of inference.
class BatchFigures {
 public:
  BatchFigures(const std::vector<BatchFigure>& all, std::string arch, std::string device)
      : arch_(std::move(arch)), device_(std::move(device)) {
    std::ranges::copy_if(all, std::back_inserter(figures_), [&](const BatchFigure& figure) {
      return figure.arch == arch_ && figure.setting.device == device_;
    });
  }

  const std::string& arch() const { return arch_; }
  const std::string& device() const { return device_; }

  std::vector<int> threads() const {
    return values<int>([](const BatchFigure& figure) { return figure.setting.threads; });
  }
  std::vector<std::int64_t> batch_sizes() const { return values<std::int64_t>(&BatchFigure::batch_size); }
  std::vector<std::string> precisions() const {
    std::vector<std::string> found;
    for (const char* name : {"fp32", "tf32", "bf16"}) {
      if (std::ranges::any_of(figures_, [&](const BatchFigure& figure) { return figure.setting.precision == name; })) {
        found.emplace_back(name);
      }
    }
    return found;
  }

  std::optional<double> rate(int threads, const std::string& precision, std::int64_t batch_size) const {
    for (const BatchFigure& figure : figures_) {
      if (figure.setting.threads == threads && figure.setting.precision == precision &&
          figure.batch_size == batch_size) {
        return figure.rate();
      }
    }
    return std::nullopt;
  }

  // `usual` if it was measured, else the largest below it, else the smallest.
  std::int64_t nearest_batch_size(std::int64_t usual) const {
    const std::vector<std::int64_t> sizes = batch_sizes();
    const auto above = std::ranges::upper_bound(sizes, usual);
    return above == sizes.begin() ? sizes.front() : *(above - 1);
  }

 private:
  template <class T>
  std::vector<T> values(const std::function<T(const BatchFigure&)>& value) const {
    std::vector<T> found;
    for (const BatchFigure& figure : figures_) found.push_back(value(figure));
    std::ranges::sort(found);
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }

  std::string arch_;
  std::string device_;
  std::vector<BatchFigure> figures_;
};

// A choice for each of `values` that has a rate.
template <class T, class RateOf>
std::vector<Choice> choices_of(const std::vector<T>& values, const RateOf& rate_of) {
  std::vector<Choice> choices;
  for (const T& value : values) {
    if (const std::optional<double> rate = rate_of(value)) choices.push_back({fmt::format("{}", value), *rate});
  }
  return choices;
}

std::vector<Choice> thread_choices(const BatchFigures& figures, const std::string& precision, std::int64_t batch_size) {
  return choices_of(figures.threads(), [&](int threads) { return figures.rate(threads, precision, batch_size); });
}

// Whether several processes, each with a part of the threads and of every batch, would train faster than the best
// single process. Ignores the exchange of gradients and the shared caches.
std::optional<Advice> about_processes(const BatchFigures& figures, const std::string& about,
                                      const std::string& precision, std::int64_t batch_size) {
  const auto alone = thread_choices(figures, precision, batch_size);
  if (alone.size() < 2) return std::nullopt;
  const Choice& one = *std::ranges::max_element(alone, {}, &Choice::rate);
  const int all = figures.threads().back();
  int processes = 0;
  double together = 0;
  for (const int part : figures.threads()) {
    if (part < 1 || part == all || all % part != 0) continue;
    const int count = all / part;
    const auto split = batch_size % count == 0 ? figures.rate(part, precision, batch_size / count) : std::nullopt;
    const auto rate = split ? split : figures.rate(part, precision, batch_size);
    if (!rate || *rate * count <= together) continue;
    processes = count;
    together = *rate * count;
  }
  if (processes == 0) return std::nullopt;
  const int part = all / processes;
  const bool pays = together >= kPays * one.rate;
  const char* const verdict = !pays            ? "one process is enough"
                              : processes == 2 ? "a second process may be faster"
                                               : "more processes may be faster";
  const std::string text =
      fmt::format("{}: {} of {} would make {} at most, {:.2f} times as many as one of {}", verdict, processes,
                  threads_text(part), images_text(together), together / one.rate, threads_text(std::stoi(one.name)));
  return Advice{about, "processes", text, pays ? fmt::format("--procs {}", processes) : ""};
}

void add_training(std::vector<Advice>& out, const BatchFigures& figures) {
  const std::string about = fmt::format("train {} on {}", figures.arch(), figures.device());
  const std::int64_t batch_size = figures.nearest_batch_size(model_info(figures.arch()).training.batch_size);
  std::string precision = figures.precisions().front();
  int threads = figures.threads().back();
  const auto by_threads = thread_choices(figures, precision, batch_size);
  if (by_threads.size() > 1) {
    out.push_back(about_threads(about, by_threads, images_text));
    threads = std::stoi(first_good_one(by_threads).name);
  }
  const auto by_precision = choices_of(
      figures.precisions(), [&](const std::string& name) { return figures.rate(threads, name, batch_size); });
  if (by_precision.size() > 1) {
    out.push_back(about_precision(about, by_precision, images_text));
    precision = first_good_one(by_precision).name;
  }
  const auto by_size =
      choices_of(figures.batch_sizes(), [&](std::int64_t size) { return figures.rate(threads, precision, size); });
  if (by_size.size() > 1) {
    out.push_back(about_batch_size(about, by_size, "; another size trains another model: choose --lr with it"));
  }
  if (const auto processes = about_processes(figures, about, precision, batch_size)) out.push_back(*processes);
}

void add_inference(std::vector<Advice>& out, const BatchFigures& figures) {
  const std::string about = fmt::format("infer {} on {}", figures.arch(), figures.device());
  const std::string precision = figures.precisions().front();
  // The number of threads with the best rate at any batch size: on a busy machine fewer may be faster than all.
  const auto by_best = choices_of(figures.threads(), [&](int count) {
    std::optional<double> best;
    for (const std::int64_t size : figures.batch_sizes()) best = std::max(best, figures.rate(count, precision, size));
    return best;
  });
  const int threads = by_best.empty() ? figures.threads().back() : std::stoi(first_good_one(by_best).name);
  const auto by_size =
      choices_of(figures.batch_sizes(), [&](std::int64_t size) { return figures.rate(threads, precision, size); });
  std::int64_t batch_size = figures.batch_sizes().back();
  if (by_size.size() > 1) {
    const std::optional<double> one = figures.rate(threads, precision, 1);
    out.push_back(
        about_batch_size(about, by_size, one ? fmt::format("; one image alone takes {:.3g} ms", 1000 / *one) : ""));
    batch_size = std::stoll(first_good_one(by_size).name);
  }
  const auto add_threads = [&](std::int64_t size, const std::string& where) {
    const auto by_threads = thread_choices(figures, precision, size);
    if (by_threads.size() > 1) out.push_back(about_threads(about + where, by_threads, images_text));
  };
  add_threads(batch_size, "");
  if (batch_size != 1) add_threads(1, ", one image at a time");
  const auto by_precision = choices_of(
      figures.precisions(), [&](const std::string& name) { return figures.rate(threads, name, batch_size); });
  if (by_precision.size() > 1) {
    Advice precisions = about_precision(about, by_precision, images_text);
    precisions.text += "; mnist evaluate takes --precision, mnist infer computes in fp32";
    precisions.options.clear();
    out.push_back(std::move(precisions));
  }
}

// Networks and devices in the measured order.
template <class Add>
void add_each(const std::vector<BatchFigure>& all, const Add& add) {
  std::vector<std::pair<std::string, std::string>> done;
  for (const BatchFigure& figure : all) {
    const std::pair<std::string, std::string> which = {figure.arch, figure.setting.device};
    if (std::ranges::count(done, which) > 0) continue;
    done.push_back(which);
    add(BatchFigures(all, which.first, which.second));
  }
}

// The best rate of a device for each precision or number of threads, over all sizes.
std::vector<Choice> best_by(const std::vector<ProductFigure>& products, const std::vector<std::string>& names,
                            const std::function<std::string(const ProductFigure&)>& name_of) {
  std::vector<Choice> choices;
  for (const std::string& name : names) {
    Choice choice{name, 0};
    for (const ProductFigure& product : products) {
      if (name_of(product) == name) choice.rate = std::max(choice.rate, product.rate());
    }
    if (choice.rate > 0) choices.push_back(choice);
  }
  return choices;
}

void add_products(std::vector<Advice>& out, const std::vector<ProductFigure>& products) {
  std::vector<std::string> devices;
  for (const ProductFigure& product : products) {
    if (std::ranges::count(devices, product.setting.device) == 0) devices.push_back(product.setting.device);
  }
  const auto by_device = best_by(products, devices, [](const ProductFigure& product) {
    return product.setting.precision == "fp32" ? product.setting.device : "";
  });
  if (by_device.size() > 1) {
    const Choice& best = std::ranges::max(by_device, {}, &Choice::rate);
    const Choice& least = std::ranges::min(by_device, {}, &Choice::rate);
    out.push_back({"matmul", "device", comparison(best, least, "is", flops_text), "--device " + best.name});
  }
  for (const std::string& device : devices) {
    std::vector<ProductFigure> own;
    std::ranges::copy_if(products, std::back_inserter(own),
                         [&](const ProductFigure& product) { return product.setting.device == device; });
    std::ranges::stable_sort(own, {}, [](const ProductFigure& product) { return product.setting.threads; });
    std::vector<std::string> threads;
    for (const ProductFigure& product : own) {
      const std::string name = std::to_string(product.setting.threads);
      if (threads.empty() || threads.back() != name) threads.push_back(name);
    }
    const auto by_threads =
        best_by(own, threads, [](const ProductFigure& product) { return std::to_string(product.setting.threads); });
    if (by_threads.size() > 1) out.push_back(about_threads("matmul on " + device, by_threads, flops_text));
    const auto by_precision =
        best_by(own, {"fp32", "tf32", "bf16"}, [](const ProductFigure& product) { return product.setting.precision; });
    if (by_precision.size() > 1) out.push_back(about_precision("matmul on " + device, by_precision, flops_text));
  }
}

}  // namespace

std::vector<Advice> advice(const BenchFigures& figures) {
  if (figures.free_cores && *figures.free_cores < figures.cores - kOthersUse) {
    return {{"all", "noise",
             fmt::format("other programs keep {:.1f} of {} cores busy, so these figures are not reliable and give no "
                         "advice; repeat the measurement when the other programs have ended",
                         figures.cores - std::max(0.0, *figures.free_cores), figures.cores),
             ""}};
  }
  std::vector<Advice> out;
  add_products(out, figures.products);
  add_each(figures.training, [&](const BatchFigures& group) { add_training(out, group); });
  add_each(figures.inference, [&](const BatchFigures& group) { add_inference(out, group); });
  return out;
}

}  // namespace mnist::cli
