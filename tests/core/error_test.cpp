// Exit codes, which scripts rely on.
#include "mnist/core/error.hpp"

#include <gtest/gtest.h>

namespace mnist {
namespace {

TEST(Error, KindsAreTheExitCodes) {
  EXPECT_EQ(Error(ErrorKind::internal, "x").exit_code(), 1);
  EXPECT_EQ(usage_error("x").exit_code(), 2);
  EXPECT_EQ(data_error("x").exit_code(), 3);
  EXPECT_EQ(device_error("x").exit_code(), 4);
  EXPECT_EQ(Error(ErrorKind::diverged, "x").exit_code(), 5);
}

TEST(Error, CarriesMessageAndHint) {
  const Error error = data_error("the disk is on fire", "run");
  EXPECT_STREQ(error.what(), "the disk is on fire");
  EXPECT_EQ(error.hint(), "run");
  EXPECT_EQ(usage_error("x").hint(), "");
}

}  // namespace
}  // namespace mnist
