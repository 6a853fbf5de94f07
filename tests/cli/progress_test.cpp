// The progress of evaluate, report and infer on a terminal, and that nothing of it is elsewhere.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "infer_folder.hpp"

namespace mnist {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Progress : public InferTest {
 protected:
  // Of `mnist arguments...`; on a terminal of 80 columns, or none.
  static test::SubprocessResult answered(const std::vector<std::string>& arguments, const std::string& term) {
    test::Subprocess process = test::program(MNIST_BINARY, arguments, {{"TERM", term}});
    process.folder = folder_->path();
    process.terminal_columns = term.empty() ? 0 : 80;
    return test::run(process);
  }

  // `line` is drawn, and erased before the first of the results.
  static void expect_drawn(const std::vector<std::string>& arguments, const std::string& line,
                           const std::string& results) {
    const test::SubprocessResult seen = answered(arguments, "xterm");
    ASSERT_EQ(seen.exit_code, 0) << seen.out;
    const std::size_t begin = seen.out.find("\r\x1b[K" + line);
    ASSERT_NE(begin, std::string::npos) << seen.out;
    EXPECT_NE(seen.out.find("\r\x1b[K" + results, begin), std::string::npos) << seen.out;
    EXPECT_EQ(seen.out.find(line, seen.out.rfind("\r\x1b[K")), std::string::npos) << "it goes away";
    for (const char* term : {"dumb", ""}) {
      const test::SubprocessResult none = answered(arguments, term);
      ASSERT_EQ(none.exit_code, 0) << none.out << none.err;
      EXPECT_THAT(none.out + none.err, Not(HasSubstr(line))) << "TERM: " << term;
    }
  }
};

TEST_F(Progress, OfEvaluate) {
  expect_drawn({"evaluate", "--model", "model.pt", "--device", "cpu"}, "evaluating 0/12", "\nTest set: ");
}

TEST_F(Progress, OfReport) {
  expect_drawn({"report", "model.pt", "--device", "cpu"}, "evaluating 0/12", "report: ");
}

// The lines of a batch are written above the progress of the next one.
TEST_F(Progress, OfInferBetweenTheLines) {
  expect_drawn({"infer", "--model", "model.pt", "images", "--batch-size", "5", "--device", "cpu"}, "classifying 0/",
               "images/");
}

TEST_F(Progress, OfOnePictureIsNotShown) {
  const test::SubprocessResult seen =
      answered({"infer", "--model", "model.pt", "--image", "images/00.png", "--device", "cpu"}, "xterm");
  ASSERT_EQ(seen.exit_code, 0) << seen.out;
  EXPECT_THAT(seen.out, Not(HasSubstr("classifying")));
}

}  // namespace
}  // namespace mnist
