// Damaged requests: each gets an answer or an end, and good ones are answered as before. Run it with the address
// sanitizer, too; scripts/mutate_http does the same with the program.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "serve/served_folder.hpp"
#include "support/mutate.hpp"

namespace mnist::test {
namespace {

// Requests of every kind, as bytes.
std::vector<std::string> good_requests() {
  std::string data = "0";
  for (int i = 1; i < 784; ++i) data += "," + std::to_string(i % 256);
  const std::string begin = R"({"inputs":[{"name":"pixels","datatype":"UINT8","shape":[1,1,28,28],)";
  const std::string listed = begin + R"("data":[)" + data + R"(]}],"outputs":[{"name":"logits"}]})";
  const std::string binary = begin + R"("parameters":{"binary_data_size":784}}]})";
  const std::string png = png_bytes(drawn_one());
  const std::string form = "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.png\"\r\n\r\n" + png +
                           "\r\n--b\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\ntext\r\n--b--\r\n";
  return {request_text("POST", "/v2/models/m/infer", listed),
          request_text("POST", "/v2/models/m/versions/1/infer", binary + std::string(784, 'x'),
                       {{"Inference-Header-Content-Length", std::to_string(binary.size())}}),
          request_text("POST", "/predict?top_k=3&multi=1", png),
          request_text("POST", "/predict", form, {{"Content-Type", "multipart/form-data; boundary=b"}}),
          request_text("GET", "/v2/models/m?a=%41&b=c", "", {{"Authorization", "Bearer x"}}),
          "POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"};
}

TEST(RequestMutations, NoneHarmsTheServer) {
  const TemporaryFolder folder;
  write_model(folder / "m.pt", "lenet", 1);
  const Served served({{"m", 1, folder / "m.pt"}});
  const std::vector<std::string> good = good_requests();
  const std::uint64_t count = mutation_count(good.size());
  int answered = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    MutationRandom random(11, i);
    std::string bytes = good[i % good.size()];
    for (std::size_t change = 0; change < 1 + i % 3 && !bytes.empty(); ++change) mutate_once(random, bytes);
    HttpClient client(served.port());
    client.send(bytes + "\r\n\r\n");
    client.finish();
    const int status = client.answer().status;
    ASSERT_NE(status, -1) << "mutation " << i << " hangs";
    answered += status > 0 ? 1 : 0;
  }
  EXPECT_GT(answered, 0);
  for (std::size_t i = 0; i + 2 < good.size(); ++i) {
    HttpClient client(served.port());
    client.send(good[i]);
    EXPECT_EQ(client.answer().status, 200) << "request " << i;
  }
}

}  // namespace
}  // namespace mnist::test
