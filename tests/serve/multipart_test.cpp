// Forms with files, as different clients write them.
#include "multipart.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_error.hpp"

namespace mnist::test {
namespace {

using ::testing::ElementsAre;
using ::testing::FieldsAre;
using ::testing::IsEmpty;

constexpr const char* kType = "multipart/form-data; boundary=b";

std::string part(const std::string& headers, const std::string& content) {
  return "--b\r\n" + headers + "\r\n\r\n" + content + "\r\n";
}

TEST(Multipart, KnowsItsType) {
  EXPECT_TRUE(is_multipart("multipart/form-data; boundary=x"));
  EXPECT_TRUE(is_multipart("Multipart/Form-Data"));
  EXPECT_FALSE(is_multipart("multipart/mixed"));
  EXPECT_FALSE(is_multipart(""));
}

TEST(Multipart, HasFilesInTheirOrderAndOmitsFields) {
  const std::string body =
      part("Content-Disposition: form-data; name=\"a\"; filename=\"1.png\"\r\nContent-Type: image/png", "one") +
      part("Content-Disposition: form-data; name=\"field\"", "text") +
      part("content-type: image/png\r\ncontent-disposition: form-data; filename=2.png; name=b", "t\r\n\r\nwo") +
      "--b--\r\n";
  EXPECT_THAT(uploaded_files(kType, body), ElementsAre(FieldsAre("1.png", "one"), FieldsAre("2.png", "t\r\n\r\nwo")));
}

TEST(Multipart, TakesQuotedBoundariesAndOddNames) {
  const std::string body =
      "--x y\r\nContent-Disposition: form-data; name=\"a; filename=no\"; filename=\"a; b=c.png\"\r\n\r\n\r\n--x y--";
  EXPECT_THAT(uploaded_files("multipart/form-data; charset=utf-8; boundary=\"x y\"", body),
              ElementsAre(FieldsAre("a; b=c.png", "")));
}

TEST(Multipart, MayHaveNoParts) {
  EXPECT_THAT(uploaded_files(kType, "--b--\r\n"), IsEmpty());
}

TEST(Multipart, RejectsWhatIsNoForm) {
  const std::string disposition = "Content-Disposition: form-data; filename=a";
  for (const std::string& body :
       {std::string(), std::string("--"), std::string("--b"), std::string("--b\r\n"), std::string("--b\r\n\r\n--b--"),
        "--c\r\n" + disposition + "\r\n\r\nx\r\n--c--\r\n", "--b\r\n" + disposition + "\r\n\r\nx",
        "--b\r\n" + disposition + "\r\n--b--\r\n", "--b" + disposition + "\r\n\r\nx\r\n--b--\r\n"}) {
    EXPECT_THROW(uploaded_files(kType, body), HttpError) << body;
  }
  EXPECT_THROW(uploaded_files("multipart/form-data", "--b--"), HttpError);
  EXPECT_THROW(uploaded_files("multipart/form-data; boundary=", "--b--"), HttpError);
}

TEST(Multipart, LimitsTheNumberOfParts) {
  std::string body;
  for (int i = 0; i < 256; ++i) body += part("Content-Disposition: form-data; filename=a", "x");
  EXPECT_EQ(uploaded_files(kType, body + "--b--").size(), 256u);
  EXPECT_THROW(uploaded_files(kType, body + part("a: b", "x") + "--b--"), HttpError);
}

}  // namespace
}  // namespace mnist::test
