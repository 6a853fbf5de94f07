// Signals that ask the program to stop.
#include "mnist/core/signals.hpp"

#include <cerrno>
#include <csignal>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace mnist {
namespace {

TEST(StopSignals, RemembersTheFirst) {
  const StopSignals signals;
  EXPECT_EQ(signals.received(), 0);
  EXPECT_EQ(signals.exit_code(), 0);
  EXPECT_EQ(signals.name(), "");
  EXPECT_EQ(signals.seconds(), 0);
  std::raise(SIGTERM);
  std::raise(SIGUSR1);
  EXPECT_EQ(signals.received(), SIGTERM);
}

TEST(StopSignals, EachHasItsNameAndExitCode) {
  const auto code_and_name = [](int signal) {
    const StopSignals signals;
    std::raise(signal);
    return std::pair(signals.exit_code(), signals.name());
  };
  EXPECT_EQ(code_and_name(SIGINT), std::pair(130, std::string("SIGINT")));
  EXPECT_EQ(code_and_name(SIGTERM), std::pair(143, std::string("SIGTERM")));
  EXPECT_EQ(code_and_name(SIGHUP), std::pair(129, std::string("SIGHUP")));
  EXPECT_EQ(code_and_name(SIGUSR1), std::pair(85, std::string("SIGUSR1")));
}

TEST(StopSignals, KnowsHowLongAgoItCame) {
  const StopSignals signals;
  std::raise(SIGUSR1);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_GE(signals.seconds(), 0.02);
  EXPECT_LT(signals.seconds(), 60);
}

TEST(StopSignals, TheFirstWritesTheNotice) {
  const StopSignals signals("stopping\n");
  ::testing::internal::CaptureStderr();
  std::raise(SIGUSR1);
  std::raise(SIGHUP);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "stopping\n");
}

TEST(StopSignals, ASecondOneIsACopyForAWhile) {
  const auto twice = [](double patience) {
    const StopSignals signals("", patience);
    std::raise(SIGTERM);
    std::raise(SIGINT);
    std::_Exit(7);
  };
  EXPECT_EXIT(twice(60), ::testing::ExitedWithCode(7), "");
  EXPECT_EXIT(twice(0), ::testing::KilledBySignal(SIGINT), "");
}

TEST(StopSignals, ARequestAfterItsEndIsHeldAsBefore) {
  hold_stop_request();
  { const StopSignals signals; }
  std::raise(SIGUSR1);  // would end the process
  const StopSignals later;
  EXPECT_EQ(later.received(), SIGUSR1);
}

TEST(StopSignals, ANewOneStartsAtNothing) {
  {
    const StopSignals signals;
    std::raise(SIGINT);
  }
  const StopSignals signals;
  EXPECT_EQ(signals.received(), 0);
}

TEST(StopSignals, WhatIsInterruptedKeepsItsErrno) {
  const StopSignals signals("this text goes nowhere: its write fails\n");
  const int former = ::dup(STDERR_FILENO);
  ::close(STDERR_FILENO);
  errno = ERANGE;
  std::raise(SIGTERM);
  EXPECT_EQ(errno, ERANGE);
  ::dup2(former, STDERR_FILENO);
  ::close(former);
}

TEST(StopSignalsDeathTest, ASecondSigintOrSigtermEndsTheProcess) {
  for (const int first : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    for (const int second : {SIGINT, SIGTERM}) {
      EXPECT_EXIT(
          {
            const StopSignals signals("", /*patience=*/0);
            std::raise(first);
            std::raise(second);
          },
          ::testing::KilledBySignal(second), "");
    }
  }
}

TEST(StopSignalsDeathTest, KeptUntilExitTheFirstChangesNothing) {
  const auto after_the_work = [](int times) {
    {
      StopSignals signals("stopping\n", /*patience=*/0);
      signals.keep_until_exit();
    }
    for (int i = 0; i < times; ++i) std::raise(SIGTERM);
    std::_Exit(7);
  };
  EXPECT_EXIT(after_the_work(1), ::testing::ExitedWithCode(7), "^$");
  EXPECT_EXIT(after_the_work(2), ::testing::KilledBySignal(SIGTERM), "^$");
}

TEST(StopSignals, ASecondSighupOrSigusr1ChangesNothing) {
  for (const int first : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    for (const int second : {SIGHUP, SIGUSR1}) {
      const StopSignals signals;
      std::raise(first);
      std::raise(second);
      EXPECT_EQ(signals.received(), first);
    }
  }
}

TEST(StopSignals, PutsTheFormerHandlersBack) {
  const auto mine = [](int) {};
  std::signal(SIGINT, mine);
  { const StopSignals signals; }
  EXPECT_EQ(std::signal(SIGINT, SIG_DFL), static_cast<void (*)(int)>(mine));
}

TEST(StopSignals, AnIgnoredSignalStaysIgnored) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    std::signal(signal, SIG_IGN);
    {
      const StopSignals signals;
      std::raise(signal);
      EXPECT_EQ(signals.received(), 0);
    }
    EXPECT_EQ(std::signal(signal, SIG_DFL), SIG_IGN);
  }
}

TEST(StopSignals, ARequestThatIsHeldArrivesLater) {
  hold_stop_request();
  std::raise(SIGUSR1);
  const StopSignals signals;
  EXPECT_EQ(signals.received(), SIGUSR1);
}

}  // namespace
}  // namespace mnist
