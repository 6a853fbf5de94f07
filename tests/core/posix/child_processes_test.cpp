// Starting child processes, signalling them and waiting for them.
#include "mnist/core/child_processes.hpp"

#include <csignal>
#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using namespace std::chrono_literals;

constexpr const char* kShell = "/bin/sh";

void start(ChildProcesses& children, const std::string& script, const ChildProcesses::Environment& environment = {},
           int inherited = -1) {
  children.start(kShell, {"sh", "-c", script}, environment, inherited);
}

ChildEnd end_of(ChildProcesses& children) {
  const std::optional<ChildEnd> end = children.wait(20s);
  if (!end) throw std::runtime_error("no child has ended");
  return *end;
}

TEST(ChildProcesses, TellHowTheyEnded) {
  ChildProcesses children;
  start(children, "exit 7");
  start(children, "exec sleep 60");
  ChildEnd end = end_of(children);
  EXPECT_EQ(end.child, 0U);
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(children.running(), 1U);
  children.signal(SIGTERM);
  end = end_of(children);
  EXPECT_EQ(end.child, 1U);
  EXPECT_EQ(end.exit_code, 128 + SIGTERM);
  EXPECT_EQ(end.signal, SIGTERM);
  EXPECT_EQ(children.running(), 0U);
  EXPECT_FALSE(children.wait(1ms));
}

TEST(ChildProcesses, HaveAnEnvironmentOfTheirOwn) {
  ::setenv("CHILD_TEST_TAKEN", "yes", 1);
  ::setenv("CHILD_TEST_CHANGED", "old", 1);
  ChildProcesses children;
  start(children,
        "test -z \"${CHILD_TEST_TAKEN+set}\" && test \"$CHILD_TEST_CHANGED $CHILD_TEST_NEW\" = 'new more words'",
        {{"CHILD_TEST_TAKEN", ""}, {"CHILD_TEST_CHANGED", "new"}, {"CHILD_TEST_NEW", "more words"}});
  EXPECT_EQ(end_of(children).exit_code, 0);
}

TEST(ChildProcesses, InheritOneDescriptor) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ChildProcesses children;
  const std::string script = "echo here >&" + std::to_string(ends[1]);
  start(children, script, {}, ends[1]);
  EXPECT_EQ(end_of(children).exit_code, 0);
  start(children, script + " 2>/dev/null");  // closed on exec
  EXPECT_NE(end_of(children).exit_code, 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(ChildProcesses, EndWithTheirOwner) {
  const test::TemporaryFolder folder;
  {
    ChildProcesses children;
    start(children, "trap '' TERM; echo $$ >" + (folder / "new").string() + " && mv " + (folder / "new").string() +
                        " " + (folder / "pid").string() + "; exec sleep 60");
    while (!std::filesystem::exists(folder / "pid")) ::usleep(1000);
  }
  EXPECT_NE(::kill(std::stoi(test::content_of(folder / "pid")), 0), 0);
}

TEST(ChildProcesses, TellThatAProgramIsNotThere) {
  ChildProcesses children;
  children.start("/nowhere/program", {"program"}, {});
  EXPECT_EQ(end_of(children).exit_code, 127);
}

}  // namespace
}  // namespace mnist
