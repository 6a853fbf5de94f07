// The batcher: every request gets its own rows, whatever it was computed with.
#include "mnist/serve/batcher.hpp"

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mnist::test {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Le;

// The first pixel of each image, as float [N, 1].
torch::Tensor first_pixels(const torch::Tensor& pixels) {
  return pixels.flatten(1).narrow(1, 0, 1).to(torch::kFloat);
}

torch::Tensor images(std::int64_t count, int value) {
  return at::full({count, 1, 2, 2}, value, torch::kUInt8);
}

struct Answer {
  torch::Tensor rows;
  std::exception_ptr error;
};

std::future<Answer> submit(Batcher& batcher, torch::Tensor pixels) {
  const auto promise = std::make_shared<std::promise<Answer>>();
  EXPECT_TRUE(batcher.submit(std::move(pixels), [promise](const torch::Tensor& rows, const std::exception_ptr& error) {
    promise->set_value({rows, error});
  }));
  return promise->get_future();
}

TEST(Batcher, EveryRequestGetsItsOwnRows) {
  std::vector<std::size_t> runs;
  std::vector<std::future<Answer>> answers;
  {
    Batcher batcher({.images = 8}, first_pixels, [&](std::size_t count) { runs.push_back(count); });
    for (int i = 0; i < 100; ++i) answers.push_back(submit(batcher, images(1 + i % 5, i)));
  }
  for (int i = 0; i < 100; ++i) {
    const Answer answer = answers[static_cast<std::size_t>(i)].get();
    ASSERT_EQ(answer.rows.sizes(), (std::vector<std::int64_t>{1 + i % 5, 1}));
    EXPECT_TRUE(answer.rows.eq(i).all().item<bool>());
  }
  EXPECT_THAT(runs, Each(Le(std::size_t{8})));
}

TEST(Batcher, WaitsForFurtherImagesIfTheyComeTogether) {
  std::vector<std::size_t> runs;
  {
    Batcher batcher({.images = 4, .delay = 30s}, first_pixels, [&](std::size_t count) { runs.push_back(count); });
    submit(batcher, images(1, 0)).wait();  // alone: at once
    submit(batcher, images(2, 0)).wait();
    std::vector<std::future<Answer>> answers;
    answers.reserve(4);
    for (int i = 0; i < 4; ++i) answers.push_back(submit(batcher, images(1, i)));
    for (auto& answer : answers) answer.wait();
  }
  EXPECT_THAT(runs, ElementsAre(1, 2, 4));
}

TEST(Batcher, RunsALargeRequestInParts) {
  std::vector<std::size_t> runs;
  Batcher batcher({.images = 4, .waiting = 5}, first_pixels, [&](std::size_t count) { runs.push_back(count); });
  const Answer answer = submit(batcher, at::arange(10, torch::kUInt8).view({10, 1, 1, 1})).get();
  EXPECT_TRUE(answer.rows.flatten().equal(at::arange(10, torch::kFloat)));
  EXPECT_THAT(runs, ElementsAre(4, 4, 2));
}

TEST(Batcher, ALargeRequestDoesNotHoldUpOthers) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::vector<std::string> order;  // under no lock: written by the thread of the batcher only, until its end
  {
    Batcher batcher(
        {.images = 4, .waiting = 1000},
        [&](const torch::Tensor& pixels) {
          gone.wait();
          return first_pixels(pixels);
        },
        [](std::size_t) {});
    const auto add = [&](const std::string& name, std::int64_t count, int value) {
      EXPECT_TRUE(batcher.submit(images(count, value), [&order, name, count](const torch::Tensor& rows, const auto&) {
        EXPECT_EQ(rows.size(0), count);
        order.push_back(name);
      }));
    };
    add("large", 100, 1);
    add("small", 1, 2);
    add("second", 2, 3);
    go.set_value();
  }
  EXPECT_THAT(order, ElementsAre("small", "second", "large"));
}

TEST(Batcher, RefusesMoreThanMayWait) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::atomic<bool> runs = false;
  Batcher batcher(
      {.images = 1, .waiting = 3},
      [&](const torch::Tensor& pixels) {
        runs = true;
        gone.wait();
        return first_pixels(pixels);
      },
      [](std::size_t) {});
  auto first = submit(batcher, images(1, 1));
  while (!runs) std::this_thread::sleep_for(1ms);
  auto second = submit(batcher, images(3, 2));
  EXPECT_EQ(batcher.waiting(), 3u);
  EXPECT_FALSE(batcher.submit(images(1, 3), [](const torch::Tensor&, const std::exception_ptr&) { ADD_FAILURE(); }));
  go.set_value();
  EXPECT_FALSE(first.get().error);
  EXPECT_FALSE(second.get().error);
  EXPECT_FALSE(submit(batcher, images(1, 4)).get().error);
}

TEST(Batcher, AnswersOnceIfALargeRequestFails) {
  int runs = 0;
  int answers = 0;
  {
    Batcher batcher(
        {.images = 4},
        [&](const torch::Tensor& pixels) {
          if (++runs == 2) throw std::runtime_error("no memory");
          return first_pixels(pixels);
        },
        [](std::size_t) {});
    EXPECT_TRUE(batcher.submit(images(20, 1), [&](const torch::Tensor&, const std::exception_ptr& error) {
      EXPECT_TRUE(error);
      ++answers;
    }));
  }
  EXPECT_EQ(answers, 1);
}

TEST(Batcher, PassesErrorsOnAndGoesOn) {
  int runs = 0;
  Batcher batcher(
      {},
      [&](const torch::Tensor& pixels) {
        if (runs++ == 0) throw std::runtime_error("no memory");
        return first_pixels(pixels);
      },
      [](std::size_t) {});
  const Answer failed = submit(batcher, images(1, 1)).get();
  EXPECT_THROW(std::rethrow_exception(failed.error), std::runtime_error);
  EXPECT_FALSE(submit(batcher, images(1, 1)).get().error);
}

}  // namespace
}  // namespace mnist::test
