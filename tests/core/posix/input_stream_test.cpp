// Input that is no file: pipes, stdin, devices, terminals.
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/core/input_file.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::TemporaryFolder;
using ::testing::HasSubstr;

std::string input_error(const std::filesystem::path& path) {
  try {
    const InputFile file(path, "image");
  } catch (const Error& error) {
    EXPECT_FALSE(error.hint().empty());
    return error.what();
  }
  ADD_FAILURE() << "was opened";
  return "";
}

// What is in front of this process's stdin, as long as it lives.
class Stdin {
 public:
  explicit Stdin(int descriptor) : former_(::dup(STDIN_FILENO)) {
    ::dup2(descriptor, STDIN_FILENO);
    ::close(descriptor);
  }
  ~Stdin() {
    ::dup2(former_, STDIN_FILENO);
    ::close(former_);
  }
  Stdin(const Stdin&) = delete;
  Stdin& operator=(const Stdin&) = delete;

 private:
  int former_;
};

std::string content_of_input(const std::filesystem::path& path) {
  InputFile file(path, "image");
  std::string bytes(file.size(), '.');
  EXPECT_EQ(file.read(bytes.data(), bytes.size()), bytes.size());
  EXPECT_EQ(file.read_at(0, bytes.data(), bytes.size()), bytes.size()) << "cannot be read again";
  return bytes;
}

// A pipe takes 64 KiB: who writes waits for who reads.
TEST(InputStream, OfAPipeIsReadAtAnyPlace) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const std::string content = std::string(300'000, 'a') + "end";
  std::thread writer([&] { std::ofstream(folder / "pipe") << content; });
  EXPECT_EQ(content_of_input(folder / "pipe"), content);
  writer.join();
}

TEST(InputStream, OfStdinIsWhatIsLeftOfIt) {
  const TemporaryFolder folder;
  test::write_file(folder / "x", "abcdefg");
  const auto opened = [&](off_t begin) {
    const int descriptor = ::open((folder / "x").c_str(), O_RDONLY);
    ::lseek(descriptor, begin, SEEK_SET);
    return descriptor;
  };
  for (const char* name : {"-", "/dev/stdin"}) {
    const Stdin whole(opened(0));
    EXPECT_EQ(content_of_input(name), "abcdefg");
    const Stdin rest(opened(3));
    EXPECT_EQ(content_of_input(name), "defg");
    EXPECT_THAT(input_error(name), HasSubstr("is empty")) << "it was read to its end";
    const Stdin nothing(::open("/dev/null", O_RDONLY));
    EXPECT_THAT(input_error(name), HasSubstr("is empty"));
    const Stdin dir(::open(folder.path().c_str(), O_RDONLY));
    EXPECT_THAT(input_error(name), HasSubstr("is a folder"));
  }
}

TEST(InputStream, ATerminalIsNoFile) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(::grantpt(terminal), 0);
  ASSERT_EQ(::unlockpt(terminal), 0);
  const Stdin typed(::open(::ptsname(terminal), O_RDONLY | O_NOCTTY));
  EXPECT_EQ(input_error("-"), "image '-' is a terminal");
  ::close(terminal);
}

TEST(InputStream, ADeviceIsNone) {
  EXPECT_THAT(input_error("/dev/zero"), HasSubstr("is a device"));
}

}  // namespace
}  // namespace mnist
