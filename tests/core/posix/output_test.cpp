// The file name decides: files are written atomically, streams get bytes at once.
#include "mnist/core/output.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::content_of;
using test::TemporaryFolder;
using test::write_file;
using ::testing::HasSubstr;

std::string write_refusal(const std::filesystem::path& path) {
  try {
    check_writable(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(error.hint(), "");
    EXPECT_THROW(open_output(path), Error) << "only the check refuses it";
    return error.what();
  }
  return "";
}

// While it lives, redirects descriptor 1 to a file, like the shell's `>> file`.
class StdoutInto {
 public:
  explicit StdoutInto(const std::filesystem::path& path) {
    std::fflush(stdout);
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    ::dup2(file, STDOUT_FILENO);
    ::close(file);
  }
  ~StdoutInto() {
    std::fflush(stdout);
    ::dup2(former_, STDOUT_FILENO);
    ::close(former_);
  }
  StdoutInto(const StdoutInto&) = delete;
  StdoutInto& operator=(const StdoutInto&) = delete;

 private:
  int former_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
};

TEST(Output, AFileIsAsBeforeUntilItIsCommitted) {
  const TemporaryFolder folder;
  write_file(folder / "x", "old");
  EXPECT_FALSE(is_stream(folder / "x"));
  EXPECT_FALSE(is_stream(folder / "none"));
  const std::unique_ptr<Output> output = open_output(folder / "x");
  output->write("new");
  EXPECT_EQ(content_of(folder / "x"), "old");
  output->commit();
  EXPECT_EQ(content_of(folder / "x"), "new");
}

TEST(Output, StdoutIsWrittenToWhereItIs) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("/dev/stdout", folder / "link");
  for (const std::filesystem::path& name :
       {std::filesystem::path("-"), std::filesystem::path("/dev/stdout"), std::filesystem::path("/dev/fd/1"),
        std::filesystem::path("/proc/self/fd/1"), folder / "link"}) {
    write_file(folder / "log", "before\n");
    {
      const StdoutInto into(folder / "log");
      EXPECT_TRUE(is_stream(name));
      check_writable(name);
      std::printf("first, ");
      write_output(name, "then");
      std::printf(", last\n");
    }
    EXPECT_EQ(content_of(folder / "log"), "before\nfirst, then, last\n") << name;
    EXPECT_FALSE(std::filesystem::exists("-"));
  }
}

TEST(Output, AnotherOpenDescriptorIsAStream) {
  const TemporaryFolder folder;
  const int descriptor = ::open((folder / "x").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  const std::string name = "/dev/fd/" + std::to_string(descriptor);
  write_output(name, "one ");
  write_output(name, "two");
  EXPECT_EQ(content_of(folder / "x"), "one two");
  ::close(descriptor);
  EXPECT_THAT(write_refusal(name), HasSubstr("Bad file descriptor"));
}

TEST(Output, APipeIsWrittenToAndStaysOne) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  check_writable(folder / "pipe");  // must not wait for a reader
  std::string read;
  std::thread reader([&] { read = content_of(folder / "pipe"); });
  write_output(folder / "pipe", std::string(100'000, 'x'));
  reader.join();
  EXPECT_EQ(read, std::string(100'000, 'x'));
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "pipe"));
}

TEST(Output, ADeviceThatTakesBytesIsAStream) {
  EXPECT_TRUE(is_stream("/dev/null"));
  write_output("/dev/null", "nobody reads this");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  const auto full = open_output("/dev/full");
  try {
    full->write("x");
    FAIL() << "was written";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot write '/dev/full': No space left on device"));
  }
}

TEST(CheckWritable, RefusesASocketBeforeTheWork) {
  const TemporaryFolder folder;
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (folder / "socket").string();
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_THAT(write_refusal(path), HasSubstr("not a regular file"));
  ::close(socket);
}

TEST(CheckWritable, LeavesNothingBehind) {
  const TemporaryFolder folder;
  check_writable(folder / "x");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_THAT(write_refusal(folder / "none/x"), HasSubstr("there is no folder"));
  EXPECT_THAT(write_refusal(folder.path()), HasSubstr("it is a folder"));
}

}  // namespace
}  // namespace mnist
