#include "bench_output.hpp"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/text.hpp"

namespace mnist::cli {
namespace {

using BenchJson = nlohmann::ordered_json;

std::string json_line(const BenchJson& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, BenchJson::error_handler_t::replace) + "\n";
}

BenchJson setting_json(const char* bench, const Setting& setting) {
  return {{"bench", bench},
          {"device", setting.device},
          {"precision", setting.precision},
          {"threads", setting.threads > 0 ? BenchJson(setting.threads) : BenchJson()}};
}

void add_timing(BenchJson& json, const Timing& timing) {
  json["seconds"] = timing.seconds;
  json["seconds_low"] = timing.low;
  json["seconds_high"] = timing.high;
  json["repetitions"] = timing.repetitions;
}

// The columns that all tables share.
std::string setting_text(const Setting& setting) {
  return fmt::format("{:<7} {:<9} {:>7}", setting.device, setting.precision,
                     setting.threads > 0 ? std::to_string(setting.threads) : "-");
}

constexpr const char* kSettingHead = "Device  Precision Threads";

std::string machine_text(const BenchMachine& machine) {
  std::string out = fmt::format("mnist {}, LibTorch {}\nCPU: {}, {} core{} for this process\n", machine.version,
                                machine.libtorch, machine.cpu, machine.cores, machine.cores == 1 ? "" : "s");
  for (const BenchDevice& device : machine.devices) {
    out += fmt::format("device: {}", device.description);
    if (!device.cuda.empty()) out += fmt::format(", CUDA {}", device.cuda);
    if (device.memory_free) out += fmt::format(", {} free", memory_text(static_cast<double>(*device.memory_free)));
    out += "\n";
  }
  return out;
}

std::string machine_json(const BenchMachine& machine) {
  const auto or_null = [](const auto& figure) { return figure ? BenchJson(*figure) : BenchJson(); };
  BenchJson devices = BenchJson::array();
  for (const BenchDevice& device : machine.devices) {
    devices.push_back({{"device", device.device},
                       {"description", device.description},
                       {"cuda", device.cuda.empty() ? BenchJson() : BenchJson(device.cuda)},
                       {"memory_bytes", or_null(device.memory)},
                       {"memory_free_bytes", or_null(device.memory_free)}});
  }
  return json_line({{"bench", "machine"},
                    {"version", machine.version},
                    {"libtorch", machine.libtorch},
                    {"cpu", machine.cpu},
                    {"cores", machine.cores},
                    {"devices", std::move(devices)}});
}

// Divides a number by `base` until it is small enough, and returns the prefix for the number of divisions.
std::string scaled(double number, double base, const std::vector<const char*>& prefixes, int decimals) {
  std::size_t power = 0;
  // 999.996 would be printed as 1000.00.
  const double limit = base - std::pow(10, -decimals) / 2;
  while (number >= limit && power + 1 < prefixes.size()) {
    number /= base;
    ++power;
  }
  return fmt::format("{:.{}f} {}", number, decimals, prefixes[power]);
}

}  // namespace

std::string bench_work_name(BenchWork work) {
  switch (work) {
    case BenchWork::train:
      return "train";
    case BenchWork::infer:
      return "infer";
    case BenchWork::matmul:
      break;
  }
  return "matmul";
}

std::string flops_text(double per_second) {
  return scaled(per_second, 1000, {"", "K", "M", "G", "T", "P", "E"}, 2) + "FLOPS";
}

std::string images_text(double per_second) {
  return fmt::format("{} images/s", with_thousands(std::llround(per_second)));
}

std::string memory_text(double bytes) {
  return scaled(bytes, 1024, {"B", "KiB", "MiB", "GiB", "TiB", "PiB"}, 1);
}

std::string machine_lines(const BenchMachine& machine, BenchForm form) {
  return form == BenchForm::json ? machine_json(machine) : machine_text(machine);
}

std::string heading_lines(BenchWork work, BenchForm form) {
  if (form == BenchForm::json) return "";
  if (work == BenchWork::matmul) {
    return fmt::format(
        "\nmatmul: two uniform n x n matrices, the median of several products\n"
        "{} Matrix Size Memory (GB)     Time (s)     Performance\n",
        kSettingHead);
  }
  return fmt::format("\n{}\n{} {:<18} Batch Size {:>12} {:>10}\n",
                     work == BenchWork::train ? "train: whole steps on random images in memory, the median of several"
                                              : "infer: from pixels in memory to probabilities, the median of several",
                     kSettingHead, "Network", work == BenchWork::train ? "Step (ms)" : "Latency (ms)", "Images/s");
}

std::string product_line(const ProductFigure& figure, const std::string& skipped, BenchForm form) {
  if (form == BenchForm::json) {
    BenchJson json = setting_json("matmul", figure.setting);
    json["size"] = figure.size;
    json["memory_bytes"] = figure.memory();
    if (skipped.empty()) {
      add_timing(json, figure.timing);
      json["flops"] = figure.rate();
    } else {
      json["skipped"] = skipped;
    }
    return json_line(json);
  }
  const std::string begin = fmt::format("{} {:>11}", setting_text(figure.setting), figure.size);
  if (!skipped.empty()) return fmt::format("{} skipped: {}\n", begin, skipped);
  constexpr double kGiB = 1 << 30;  // the original script calls this GB
  return fmt::format("{} {:>11.3f} {:>12.6f} {:>15}\n", begin, static_cast<double>(figure.memory()) / kGiB,
                     figure.timing.seconds, flops_text(figure.rate()));
}

std::string batch_line(BenchWork work, const BatchFigure& figure, const std::string& skipped, BenchForm form) {
  if (form == BenchForm::json) {
    BenchJson json = setting_json(bench_work_name(work).c_str(), figure.setting);
    json["arch"] = figure.arch;
    json["batch_size"] = figure.batch_size;
    if (skipped.empty()) {
      add_timing(json, figure.timing);
      json["images_per_second"] = figure.rate();
    } else {
      json["skipped"] = skipped;
    }
    return json_line(json);
  }
  const std::string begin =
      fmt::format("{} {:<18} {:>10}", setting_text(figure.setting), figure.arch, figure.batch_size);
  if (!skipped.empty()) return fmt::format("{} skipped: {}\n", begin, skipped);
  return fmt::format("{} {:>12.3f} {:>10}\n", begin, 1000 * figure.timing.seconds,
                     with_thousands(std::llround(figure.rate())));
}

std::string advice_lines(const std::vector<Advice>& advice, BenchForm form) {
  std::string out;
  if (form == BenchForm::json) {
    for (const Advice& each : advice) {
      out += json_line({{"bench", "advice"},
                        {"about", each.about},
                        {"topic", each.topic},
                        {"text", each.text},
                        {"options", each.options}});
    }
    return out;
  }
  if (!advice.empty()) out = "\nAdvice\n";
  const std::string* about = nullptr;
  for (const Advice& each : advice) {
    if (about == nullptr || *about != each.about) out += fmt::format("{}:\n", each.about);
    about = &each.about;
    out += fmt::format("  {:<17} {}\n", each.options.empty() ? each.topic : each.options, each.text);
  }
  return out;
}

}  // namespace mnist::cli
