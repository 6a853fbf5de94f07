// A log file that is removed while it is open.
#include "mnist/core/log_file.hpp"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/files.hpp"
#include "mnist/core/logging.hpp"

#include "support/pattern.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::content_of;
using test::TemporaryFolder;
using ::testing::HasSubstr;

TEST(LogFile, ThatWasRemovedBeginsAnewAndSaysSo) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "run");
  const auto log = make_logger({});
  ::testing::internal::CaptureStderr();
  const auto file = add_log_file(*log, folder / "run/log.txt");
  log->info("before");
  const std::uintmax_t size = file->size();
  file->renew();
  EXPECT_THAT(content_of(folder / "run/log.txt"), test::ContainsPattern("^[^\n]* info before\n$"))
      << "nothing was lost";
  std::filesystem::remove_all(folder / "run");
  file->renew();
  EXPECT_FALSE(std::filesystem::exists(folder / "run")) << "the folder is its owner's to make";
  log->info("meanwhile");
  EXPECT_EQ(file->size(), size);
  std::filesystem::create_directory(folder / "run");
  file->renew();
  log->info("after");
  const std::string told = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(told, HasSubstr("cannot write " + quoted(folder / "run/log.txt") + ": No such file or directory"));
  const std::string content = content_of(folder / "run/log.txt");
  EXPECT_THAT(content,
              test::ContainsPattern("^[0-9-]+ [0-9:.+-]+ warning this log was removed or moved while it was written\n"
                                    "[0-9-]+ [0-9:.+-]+ info after\n$"));
  EXPECT_EQ(file->size(), content.size());
}

}  // namespace
}  // namespace mnist
