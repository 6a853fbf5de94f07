// Ranks as threads of this process, with the same sockets as processes: sums, barriers, and the errors on each rank if
// one is lost.
#include "mnist/distributed/communicator.hpp"

#include <atomic>
#include <mutex>
#include <thread>
#include <unistd.h>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "support/ranks.hpp"

namespace mnist {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void expect_no_ends(const std::vector<std::exception_ptr>& ends) {
  for (const std::exception_ptr& end : ends) {
    try {
      if (end) std::rethrow_exception(end);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

// "told MESSAGE" for an error of kind rank_lost, "silent CODE" for `EndedElsewhere`, or another exception's text.
std::string how(const std::exception_ptr& end) {
  if (!end) return "well";
  try {
    std::rethrow_exception(end);
  } catch (const Error& error) {
    return (error.kind() == ErrorKind::rank_lost ? "told " : "error ") + std::string(error.what());
  } catch (const EndedElsewhere& elsewhere) {
    return "silent " + std::to_string(elsewhere.exit_code()) + elsewhere.stop();
  } catch (const std::exception& error) {
    return error.what();
  }
}

TEST(SingleProcess, IsItsOwnSum) {
  const auto ranks = single_process();
  const torch::Tensor tensor = at::arange(3);
  ranks->sum(tensor);
  ranks->broadcast(tensor);
  ranks->barrier();
  EXPECT_TRUE(tensor.equal(at::arange(3)));
  EXPECT_TRUE(ranks->leads());
  EXPECT_TRUE(ranks->any(true));
  EXPECT_FALSE(ranks->any(false));
  EXPECT_EQ(ranks->broadcast_text("text"), "text");
  EXPECT_EQ(rows_of(*ranks, 7).count(), 7);
}

class Ranks : public ::testing::TestWithParam<int> {};

TEST_P(Ranks, AddUpToTheSameBytes) {
  const int size = GetParam();
  std::mutex mutex;
  std::vector<torch::Tensor> sums;
  expect_no_ends(test::run_ranks(size, [&](const std::shared_ptr<Communicator>& group) {
    Communicator& ranks = *group;
    EXPECT_EQ(ranks.size(), size);
    EXPECT_EQ(ranks.ranks_on_same_processors(), size);  // threads of one process
    const torch::Tensor numbers = at::full({1000}, ranks.rank() + 1, at::kDouble);
    ranks.sum(numbers);
    EXPECT_TRUE(numbers.eq(size * (size + 1) / 2).all().item<bool>());
    // Several sums in flight, with rounding.
    const torch::Tensor thirds = at::arange(5000).to(at::kFloat).div_(3.0 + ranks.rank());
    const torch::Tensor small = at::full({1}, 0.1F);
    const auto one = ranks.begin_sum(thirds);
    const auto other = ranks.begin_sum(small);
    one->wait();
    other->wait();
    const std::lock_guard lock(mutex);
    sums.push_back(at::cat({thirds, small}));
  }));
  ASSERT_EQ(sums.size(), static_cast<std::size_t>(size));
  for (const torch::Tensor& sum : sums) EXPECT_TRUE(sum.equal(sums.front()));
}

TEST_P(Ranks, HearRank0) {
  expect_no_ends(test::run_ranks(GetParam(), [](const std::shared_ptr<Communicator>& group) {
    Communicator& ranks = *group;
    const torch::Tensor numbers = at::full({3}, ranks.rank() + 7, at::kLong);
    ranks.broadcast(numbers);
    EXPECT_TRUE(numbers.eq(7).all().item<bool>());
    const std::string text(100'000, 'x');
    EXPECT_EQ(ranks.broadcast_text(ranks.leads() ? text : "mine"), text);
    EXPECT_EQ(ranks.broadcast_text(ranks.leads() ? "" : "mine"), "");
    EXPECT_TRUE(ranks.any(ranks.rank() == ranks.size() - 1));
    EXPECT_FALSE(ranks.any(false));
  }));
}

TEST_P(Ranks, TakeRowsThatAreWhole) {
  for (const std::int64_t count : {1, 2, 3, 4, 7, 64, 100}) {
    std::mutex mutex;
    std::vector<Rows> parts(static_cast<std::size_t>(GetParam()));
    expect_no_ends(test::run_ranks(GetParam(), [&](const std::shared_ptr<Communicator>& group) {
      Communicator& ranks = *group;
      const std::lock_guard lock(mutex);
      parts[static_cast<std::size_t>(ranks.rank())] = rows_of(ranks, count);
    }));
    std::int64_t next = 0;
    for (const Rows& rows : parts) {
      EXPECT_EQ(rows.begin, next);
      next = rows.end;
      EXPECT_LE(rows.count(), parts.front().count());
      EXPECT_GE(rows.count(), parts.front().count() - 1);
    }
    EXPECT_EQ(next, count);
    EXPECT_GT(parts.front().count(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Ranks, ::testing::Values(2, 3, 4));

TEST(Rows, OfAnEpochFollowEachOther) {
  std::vector<std::vector<std::int64_t>> orders(2);
  expect_no_ends(test::run_ranks(2, [&](const std::shared_ptr<Communicator>& group) {
    Communicator& ranks = *group;
    const torch::Tensor own = own_rows(ranks, at::arange(7), 3);
    const auto* const begin = own.const_data_ptr<std::int64_t>();
    orders[static_cast<std::size_t>(ranks.rank())].assign(begin, begin + own.numel());
  }));
  EXPECT_THAT(orders[0], ElementsAre(0, 1, 3, 4, 6));  // of the batches 0 1 2, 3 4 5, 6
  EXPECT_THAT(orders[1], ElementsAre(2, 5));
}

// The wait consists of slices of half a second.
TEST(Sum, MayTakeLonger) {
  expect_no_ends(test::run_ranks(2, [](const std::shared_ptr<Communicator>& group) {
    for (int i = 0; i < 8; ++i) {
      if (group->rank() == 1) std::this_thread::sleep_for(470ms + 10ms * i);
      const torch::Tensor one = at::ones({1});
      group->sum(one);
      EXPECT_EQ(one.item<float>(), 2);
    }
  }));
}

TEST(Sum, WaitsForARankThatLivesLongerThanTheTimeout) {
  expect_no_ends(test::run_ranks(
      2,
      [](const std::shared_ptr<Communicator>& group) {
        if (group->rank() == 1) std::this_thread::sleep_for(5s);
        group->sum(at::ones({1}));
      },
      8s));
}

TEST(Meeting, WaitsForARankThatLivesLongerThanTheTimeout) {
  expect_no_ends(test::run_ranks(
      2,
      [](const std::shared_ptr<Communicator>& group) {
        Communicator& ranks = *group;
        if (ranks.rank() == 1) std::this_thread::sleep_for(5s);
        ranks.barrier();
      },
      8s));
}

TEST(LostRank, IsNamedByOneOfTheOthers) {
  const auto ends = test::run_ranks(3, [](const std::shared_ptr<Communicator>& group) {
    Communicator& ranks = *group;
    if (ranks.rank() == 1) throw std::runtime_error("killed");  // without `leave`
    ranks.sum(at::zeros({1}));
    ranks.sum(at::zeros({1}));
  });
  EXPECT_THAT(how(ends[0]), AllOf(HasSubstr("told rank 1 ("), HasSubstr("of 3 is gone: ")));
  EXPECT_EQ(how(ends[2]), "silent 75");
}

TEST(LostRank, MayBeTheOneWithTheStore) {
  const auto ends = test::run_ranks(3, [](const std::shared_ptr<Communicator>& group) {
    Communicator& ranks = *group;
    if (ranks.rank() == 0) throw std::runtime_error("killed");
    ranks.sum(at::zeros({1}));
    ranks.sum(at::zeros({1}));
  });
  EXPECT_THAT(how(ends[1]), HasSubstr("told rank 0"));
  EXPECT_EQ(how(ends[2]), "silent 75");
}

TEST(LostRank, IsMissedAtAMeeting) {
  const auto ends = test::run_ranks(
      2,
      [](const std::shared_ptr<Communicator>& group) {
        Communicator& ranks = *group;
        if (ranks.rank() == 1) throw std::runtime_error("killed");
        ranks.barrier();
      },
      6s);
  EXPECT_THAT(how(ends[0]), HasSubstr("told rank 1"));
}

TEST(LostRank, IsMissedWhenItNeverComes) {
  Place place{.rank = 0, .size = 2, .address = "127.0.0.1"};
  const Listener listener = listen_on_loopback(0);
  place.port = listener.port;
  place.listener = listener.descriptor;
  try {
    join(place, 1s);
    FAIL() << "alone";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::rank_lost);
    EXPECT_STREQ(error.what(), "rank 1 (never came) of 2 is gone: 1 of 2 ranks connected in time");
  }
}

TEST(LostRank, MayBeTheOneThatServesTheStore) {
  const Listener unused = listen_on_loopback(0);
  ::close(unused.descriptor);
  const Place place{.rank = 1, .size = 2, .address = "127.0.0.1", .port = unused.port};
  try {
    join(place, 1s);
    FAIL() << "alone";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::rank_lost);
    EXPECT_THAT(error.what(), HasSubstr("rank 1 cannot reach the store of the ranks at 127.0.0.1:"));
  }
}

TEST(LostRank, ThatServesTheStoreIsToldOfOnce) {
  const Listener silent = listen_on_loopback(0);  // like the socket of a stopped process
  const auto end_of = [&](int rank) {
    try {
      join({.rank = rank, .size = 3, .address = "127.0.0.1", .port = silent.port}, 1s);
    } catch (const Error& error) {
      return std::string(error.what());
    } catch (const EndedElsewhere& end) {
      return "silent " + std::to_string(end.exit_code());
    }
    return std::string("together");
  };
  EXPECT_THAT(end_of(1), HasSubstr("rank 1 cannot reach the store of the ranks at 127.0.0.1:"));
  EXPECT_EQ(end_of(2), "silent 75");
  ::close(silent.descriptor);
}

TEST(LostRank, IsNotReplacedByAnotherRunsProcess) {
  const Listener listener = listen_on_loopback(0);
  const Place first{
      .rank = 0, .size = 2, .address = "127.0.0.1", .port = listener.port, .listener = listener.descriptor};
  const Place second{.rank = 1, .size = 2, .address = "127.0.0.1", .port = listener.port};
  std::shared_ptr<Communicator> ranks[2];
  std::thread leader([&] { ranks[0] = join(first, 20s); });
  ranks[1] = join(second, 20s);
  try {
    join(second, 20s);
    ADD_FAILURE() << "two of rank 1";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("another process is already rank 1 at 127.0.0.1:"));
  }
  leader.join();
}

TEST(LeavingRank, GivesTheOthersItsExitCode) {
  const auto ends = test::run_ranks(3, [](const std::shared_ptr<Communicator>& group) {
    Communicator& ranks = *group;
    if (ranks.rank() == 2) {
      EXPECT_TRUE(ranks.leave(3, ""));  // this rank reports the error
      throw std::runtime_error("no such file");
    }
    ranks.sum(at::zeros({1}));
    ranks.sum(at::zeros({1}));
  });
  EXPECT_EQ(how(ends[0]), "silent 3");
  EXPECT_EQ(how(ends[1]), "silent 3");
}

TEST(LeavingRank, SaysThatItWasAskedToStop) {
  const auto ends = test::run_ranks(2, [](const std::shared_ptr<Communicator>& group) {
    if (group->rank() == 1) {
      group->leave(143, "SIGTERM");
      throw Stopped();
    }
    group->barrier();
  });
  EXPECT_EQ(how(ends[0]), "silent 143SIGTERM of rank 1");
}

TEST(LeavingRank, LeavesTheTellingToRank0) {
  std::vector<std::atomic<bool>> tells(2);
  test::run_ranks(2, [&](const std::shared_ptr<Communicator>& group) {
    Communicator& ranks = *group;
    tells[static_cast<std::size_t>(ranks.rank())] = ranks.leave(3, "");
    throw std::runtime_error("no such file");
  });
  EXPECT_TRUE(tells[0]);
  EXPECT_FALSE(tells[1]);
}

TEST(Loopback, SaysThatAPortIsTaken) {
  const Listener listener = listen_on_loopback(0);
  try {
    listen_on_loopback(listener.port);
    ADD_FAILURE() << "twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::rank_lost);
    EXPECT_THAT(error.hint(), HasSubstr("MASTER_PORT"));
  }
  ::close(listener.descriptor);
}

}  // namespace
}  // namespace mnist
