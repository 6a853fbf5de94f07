#include "support/accuracy.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace mnist::test {
namespace {

constexpr const char* kShare = "share_of_bound";

void keep_largest(double share) {
  const testing::TestResult& result = *testing::UnitTest::GetInstance()->current_test_info()->result();
  for (int i = 0; i < result.test_property_count(); ++i) {
    const testing::TestProperty& property = result.GetTestProperty(i);
    if (property.key() == std::string(kShare)) share = std::max(share, std::strtod(property.value(), nullptr));
  }
  testing::Test::RecordProperty(kShare, std::to_string(share));
}

}  // namespace

testing::AssertionResult is_accurate(double error, double reference_error, const Accuracy& accuracy) {
  const double bound = accuracy.factor * std::max(reference_error, accuracy.least);
  keep_largest(error / bound);
  if (!(reference_error <= accuracy.reference_error)) {
    return testing::AssertionFailure() << "the reference's error is " << reference_error << ", more than "
                                       << accuracy.reference_error << ": it computes something else";
  }
  if (error <= bound) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "error " << error << ", bound " << bound << " (the reference's error is "
                                     << reference_error << ", the least that is believed " << accuracy.least << ")";
}

}  // namespace mnist::test
