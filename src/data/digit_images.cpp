#include "mnist/data/digit_images.hpp"

#include <atomic>
#include <cstddef>
#include <string>

#include <ATen/Parallel.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/data/decoding_memory.hpp"
#include "mnist/data/prepare.hpp"

namespace mnist {

DigitImages load_digit_images(const PhotoFolder& files, const Preprocessing& preprocessing,
                              const std::function<bool()>& stop_requested, const ReadProgress& progress) {
  const auto count = static_cast<std::int64_t>(files.paths.size());
  std::vector<torch::Tensor> images(files.paths.size());
  std::vector<std::string> faults(files.paths.size());
  std::vector<std::size_t> counts(files.paths.size());
  DecodingMemory memory(at::get_num_threads());
  std::atomic<bool> stopped = false;
  std::atomic<std::int64_t> done = 0;
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    const c10::AutoGradMode no_grad(false);
    for (auto item = static_cast<std::size_t>(begin); item < static_cast<std::size_t>(end) && !stopped; ++item) {
      if (stop_requested()) {
        stopped = true;
        return;
      }
      try {
        const auto found =
            find_items(InputFile(files.paths[item], "image"), preprocessing, Invert::automatic, memory).items;
        counts[item] = found.size();
        if (found.empty()) {
          faults[item] =
              fmt::format("no digit or other drawing found on {} (for photos, choose an --arch such as resnet18)",
                          quoted(files.paths[item]));
        } else {
          images[item] = found.front().input;
        }
      } catch (const Error& error) {
        faults[item] = error.what();
      }
      progress(++done, count);
    }
  });
  if (stopped) throw Stopped();

  DigitImages result;
  PhotoFolder readable = files;
  readable.paths.clear();
  readable.labels.clear();
  std::vector<torch::Tensor> kept;
  for (std::size_t item = 0; item < files.paths.size(); ++item) {
    if (!faults[item].empty()) {
      result.broken.push_back({files.paths[item], faults[item]});
      continue;
    }
    readable.paths.push_back(files.paths[item]);
    readable.labels.push_back(files.labels[item]);
    kept.push_back(images[item]);
    if (counts[item] > 1) result.with_several_digits.push_back(files.paths[item]);
  }
  check_classes_are_left(files.labels, readable, result.broken);
  result.dataset = {"folder", at::stack(kept), torch::tensor(readable.labels, torch::kInt64), files.class_names};
  result.paths = readable.paths;
  return result;
}

}  // namespace mnist
