// As GoogleTest's own main, but for the exit code of a run whose tests were all skipped: CTest shows the tests of a GPU
// as skipped where there is none, and a test that fails as failed, whatever it prints.
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
