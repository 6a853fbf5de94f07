// Like GoogleTest's main, except for the exit code if all tests were skipped: without a GPU, CTest shows the GPU tests
// as skipped, and failing tests as failed, whatever they print.
#include <gtest/gtest.h>

namespace {

constexpr int kAllSkipped = 77;  // SKIP_RETURN_CODE in tests/CMakeLists.txt

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const int code = RUN_ALL_TESTS();
  const testing::UnitTest& run = *testing::UnitTest::GetInstance();
  const bool all_skipped = run.test_to_run_count() > 0 && run.skipped_test_count() == run.test_to_run_count();
  return code == 0 && all_skipped ? kAllSkipped : code;
}
