// What the server answers: the Open Inference Protocol, pictures, metrics, and errors.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/predict/classifier.hpp"

#include "serve/served_folder.hpp"

namespace mnist::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr const char* kInfer = "/v2/models/digits/infer";

class ModelServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    write_model(*folder_ / "one.pt", "lenet", 1);
    write_model(*folder_ / "two.pt", "lenet", 2);
    write_model(*folder_ / "photos.pt", "resnet18", 1, 2);
    served_ = new Served({{"digits", 1, *folder_ / "one.pt"},
                          {"digits", 2, *folder_ / "two.pt"},
                          {"photos", 1, *folder_ / "photos.pt"}});
  }
  static void TearDownTestSuite() {
    delete served_;
    delete folder_;
  }

  static HttpAnswer get(const std::string& target) { return ask(served_->port(), "GET", target); }
  static HttpAnswer post(const std::string& target, const std::string& body,
                         const std::map<std::string, std::string>& headers = {}) {
    return ask(served_->port(), "POST", target, body, headers);
  }

  // uint8 [count, 1, 28, 28]
  static at::Tensor pixels(std::int64_t count) { return hashed_pixels({count, 1, 28, 28}, 5); }

  // What the network of a file gives for them.
  static at::Tensor logits(const std::string& file, const at::Tensor& images) {
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
    const LoadedModel model = load_model(*folder_ / file, log);
    return Classifier(model, c10::kCPU, 1).logits(images);
  }

  static json infer_request(const at::Tensor& images) {
    std::vector<int> data;
    const at::Tensor flat = images.flatten().to(at::kInt);
    for (std::int64_t i = 0; i < flat.numel(); ++i) data.push_back(flat[i].item<int>());
    return {{"inputs", {{{"name", "pixels"}, {"datatype", "UINT8"}, {"shape", images.sizes().vec()}, {"data", data}}}}};
  }

  static void expect_error(const HttpAnswer& answer, int status, const std::string& message) {
    EXPECT_EQ(answer.status, status) << message;
    const json object = json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(object.is_object()) << answer.body;
    EXPECT_THAT(object.value("error", ""), HasSubstr(message));
  }

  static void expect_near(const json& data, const at::Tensor& expected) {
    ASSERT_EQ(static_cast<std::int64_t>(data.size()), expected.numel());
    const at::Tensor flat = expected.flatten();
    for (std::size_t i = 0; i < data.size(); ++i) {
      EXPECT_NEAR(data[i].get<double>(), flat[static_cast<std::int64_t>(i)].item<double>(), 1e-6) << i;
    }
  }

  static TemporaryFolder* folder_;
  static Served* served_;
};
TemporaryFolder* ModelServerTest::folder_ = nullptr;
Served* ModelServerTest::served_ = nullptr;

TEST_F(ModelServerTest, SaysWhatItHas) {
  EXPECT_EQ(get("/v2/health/live").status, 200);
  EXPECT_EQ(get("/v2/health/ready").status, 200);
  EXPECT_EQ(json::parse(get("/v2").body)["name"], "mnist");
  EXPECT_EQ(json::parse(get("/v2/models").body)["models"][0],
            json({{"name", "digits"}, {"versions", {"1", "2"}}, {"ready", true}}));
  EXPECT_EQ(json::parse(post("/v2/repository/index", "").body).size(), 3u);
  const json metadata = json::parse(get("/v2/models/digits/versions/1").body);
  EXPECT_EQ(metadata["inputs"], json::parse(R"([{"name":"pixels","datatype":"UINT8","shape":[-1,1,28,28]}])"));
  EXPECT_EQ(metadata["outputs"][1], json::parse(R"({"name":"logits","datatype":"FP32","shape":[-1,10]})"));
  EXPECT_EQ(metadata["parameters"]["class_names"][3], "number 3");
  EXPECT_EQ(json::parse(get("/v2/models/photos").body)["parameters"]["kind"], "photo");
  EXPECT_EQ(get("/v2/models/digits/ready").status, 200);
  EXPECT_THAT(get("/").headers.at("content-security-policy"), HasSubstr("default-src 'none'"));
}

TEST_F(ModelServerTest, InfersTensorsInJson) {
  const at::Tensor images = pixels(3);
  json request = infer_request(images);
  request["id"] = "call 7";
  const json answer = json::parse(post(kInfer, request.dump()).body);
  EXPECT_EQ(answer["model_version"], "2");  // the newest
  EXPECT_EQ(answer["id"], "call 7");
  ASSERT_EQ(answer["outputs"].size(), 2u);
  EXPECT_EQ(answer["outputs"][0]["name"], "probabilities");
  EXPECT_EQ(answer["outputs"][1]["shape"], json({3, 10}));
  const at::Tensor expected = logits("two.pt", images);
  expect_near(answer["outputs"][0]["data"], at::softmax(expected, 1));
  expect_near(answer["outputs"][1]["data"], expected);
}

TEST_F(ModelServerTest, TakesNestedListsAndAChosenVersionAndOutput) {
  json request = infer_request(pixels(1));
  request["inputs"][0]["data"] = json::array({json::array({request["inputs"][0]["data"]})});
  request["outputs"] = {{{"name", "logits"}}};
  const json answer = json::parse(post("/v2/models/digits/versions/1/infer", request.dump()).body);
  ASSERT_EQ(answer["outputs"].size(), 1u);
  expect_near(answer["outputs"][0]["data"], logits("one.pt", pixels(1)));
}

TEST_F(ModelServerTest, InfersBinaryTensors) {
  const at::Tensor images = pixels(40);  // more than a batch
  json request = infer_request(images);
  request["inputs"][0].erase("data");
  request["inputs"][0]["parameters"] = {{"binary_data_size", images.numel()}};
  request["outputs"] = {{{"name", "logits"}, {"parameters", {{"binary_data", true}}}}, {{"name", "probabilities"}}};
  const std::string head = request.dump();
  const std::string bytes(static_cast<const char*>(images.const_data_ptr()), images.nbytes());
  const HttpAnswer answer =
      post(kInfer, head + bytes, {{"Inference-Header-Content-Length", std::to_string(head.size())}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const std::size_t length = std::stoul(answer.headers.at("inference-header-content-length"));
  const json object = json::parse(answer.body.substr(0, length));
  EXPECT_EQ(object["outputs"][0]["parameters"]["binary_data_size"], 40 * 10 * 4);
  EXPECT_EQ(object["outputs"][1]["data"].size(), 400u);
  const at::Tensor expected = logits("two.pt", images);
  ASSERT_EQ(answer.body.size() - length, expected.nbytes());
  at::Tensor given = at::empty({40, 10});
  std::memcpy(given.mutable_data_ptr(), answer.body.data() + length, given.nbytes());
  EXPECT_LT((given - expected).abs().max().item<double>(), 1e-6);
}

TEST_F(ModelServerTest, SaysWhatIsWrongWithARequest) {
  const json good = infer_request(pixels(1));
  const auto changed = [&](const char* pointer, const json& value) {
    json request = good;
    request[json::json_pointer(pointer)] = value;
    return post(kInfer, request.dump());
  };
  expect_error(post(kInfer, "{"), 400, "cannot be read");
  expect_error(post(kInfer, "[]"), 400, "not a JSON object");
  expect_error(post(kInfer, "{}"), 400, "\"inputs\" must be a list of one object");
  expect_error(changed("/inputs/0/name", "image"), 400, "no input 'image'");
  expect_error(changed("/inputs/0/datatype", "FP32"), 400, "has the datatype 'FP32'");
  expect_error(changed("/inputs/0/shape", {1, 28, 28}), 400, "the model takes [N, 1, 28, 28]");
  expect_error(changed("/inputs/0/shape", {0, 1, 28, 28}), 400, "has the shape '[0,1,28,28]'");
  expect_error(changed("/inputs/0/shape", {-1, 1, 28, 28}), 400, "has the shape");
  expect_error(changed("/inputs/0/shape", {2, 1, 28, 28}), 400, "has 784 values, but the shape needs 1568");
  expect_error(changed("/inputs/0/shape", {1e9, 1, 28, 28}), 400, "has the shape");
  expect_error(changed("/inputs/0/data", {1, 2, 3}), 400, "has 3 values");
  expect_error(changed("/inputs/0/data/5", 256), 400, "not an integer from 0 to 255: '256'");
  expect_error(changed("/inputs/0/data/5", -1), 400, "not an integer from 0 to 255");
  expect_error(changed("/inputs/0/data/5", 0.5), 400, "not an integer from 0 to 255");
  expect_error(changed("/inputs/0/data/5", "x"), 400, "not an integer from 0 to 255");
  expect_error(changed("/inputs/0/parameters", {{"binary_data_size", 784}}), 400, "binary data has 0 bytes");
  expect_error(changed("/outputs", {{{"name", "x"}}}), 400, "no output 'x'");
  expect_error(changed("/id", 7), 400, "\"id\" is not a string");
  expect_error(post(kInfer, good.dump(), {{"Inference-Header-Content-Length", "999999"}}), 400, "999999");
  expect_error(post(kInfer, good.dump(), {{"Inference-Header-Content-Length", "x"}}), 400, "'x'");
  expect_error(
      post(kInfer, good.dump() + "bytes", {{"Inference-Header-Content-Length", std::to_string(good.dump().size())}}),
      400, "bytes after the JSON");
}

TEST_F(ModelServerTest, SaysWhatIsNotThere) {
  expect_error(get("/x"), 404, "there is nothing at '/x'");
  expect_error(get("/v2/models/letters"), 404, "there is no model 'letters'");
  expect_error(get("/v2/models/digits/versions/3"), 404, "the model digits has no version '3'");
  expect_error(get("/v2/models/digits/versions/0"), 404, "has no version '0'");
  expect_error(get("/v2/models/digits/versions/99999999999999999999"), 404, "has no version");
  expect_error(get("/v2/models/digits/x/y"), 404, "there is nothing at");
  expect_error(get("/v2/models//ready"), 404, "there is nothing at");
  for (const char* target : {"//v2/models", "/v2//models", "/v2/models/digits/", "/V2"}) {
    expect_error(get(target), 404, "there is nothing at");
  }
  for (const char* target : {"//", "?", "#", "http://", "http://localhost", "/?x"}) {
    const int status = get(target).status;
    EXPECT_TRUE(status == 200 || status == 400) << target << ": " << status;
  }
  expect_error(get("/v2/health"), 404, "there is nothing at");
  expect_error(get("/%00"), 404, "there is nothing at");
  const HttpAnswer wrong = get("/predict");
  expect_error(wrong, 405, "takes POST requests only");
  EXPECT_EQ(wrong.headers.at("allow"), "POST");
  expect_error(post("/v2", ""), 405, "takes GET requests only");
}

std::string form(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string body;
  for (const auto& [name, content] : files) {
    body += "--xx\r\nContent-Disposition: form-data; name=\"image\"; filename=\"";
    body += name;
    body += "\"\r\nContent-Type: image/png\r\n\r\n";
    body += content;
    body += "\r\n";
  }
  return body + "--xx--\r\n";
}

const std::map<std::string, std::string> kForm = {{"Content-Type", "multipart/form-data; boundary=xx"}};

TEST_F(ModelServerTest, PredictsPictures) {
  const std::string png = png_bytes(drawn_one());
  const json whole = json::parse(post("/predict?top_k=3&show_input=1", png).body);
  EXPECT_EQ(whole["path"], "body");
  EXPECT_EQ(whole["top_k"].size(), 3u);
  EXPECT_EQ(whole["prediction"], whole["top_k"][0]["class"]);
  EXPECT_THAT(whole["inputs"][0].get<std::string>(), HasSubstr("data:image/png;base64,iVBOR"));
  const json in_form =
      json::parse(post("/predict?model=digits&version=2", form({{"C:\\x\\one.png", png}}), kForm).body);
  EXPECT_EQ(in_form["path"], "one.png");
  EXPECT_EQ(in_form["probability"], whole["probability"]);
  EXPECT_EQ(json::parse(post("/predict?min_probability=1", png).body)["reason"], "unsure");
  EXPECT_EQ(json::parse(post("/predict?model=photos", png).body)["top_k"].size(), 1u);
}

TEST_F(ModelServerTest, PredictsSeveralPicturesInTheirOrder) {
  const HttpAnswer answer = post("/predict",
                                 form({{"a.png", png_bytes(drawn_one())},
                                       {"b.txt", "text"},
                                       {"c.png", png_bytes(at::full({50, 50, 1}, 255, at::kByte))}}),
                                 kForm);
  EXPECT_EQ(answer.headers.at("content-type"), "application/x-ndjson");
  std::vector<json> lines;
  std::istringstream in(answer.body);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[0]["prediction"].is_string());
  EXPECT_THAT(lines[1]["error"].get<std::string>(), HasSubstr("'b.txt'"));
  EXPECT_EQ(lines[2]["reason"], "no digit found");
}

TEST_F(ModelServerTest, ReadsAllDigitsOfAPicture) {
  const std::string png = png_bytes(at::cat({drawn_one(), drawn_one()}, 1));
  EXPECT_EQ(json::parse(post("/predict", png).body)["reason"], "2 digits found; multi=1 reads them");
  EXPECT_EQ(json::parse(post("/predict?multi=1", png).body)["digits"].size(), 2u);
  expect_error(post("/predict?multi=1&model=photos", png), 400, "photos is a model for photos");
}

TEST_F(ModelServerTest, SaysWhatIsWrongWithAPicture) {
  const std::string png = png_bytes(drawn_one());
  expect_error(post("/predict", ""), 400, "has no picture");
  expect_error(post("/predict", "not a picture"), 400, "is a text file");
  expect_error(post("/predict", png.substr(0, png.size() / 2)), 400, "is cut off");
  expect_error(post("/predict", form({}), kForm), 400, "has no picture");
  expect_error(post("/predict", form({{"empty.png", ""}}), kForm), 400, "'empty.png' is empty");
  expect_error(post("/predict", "--xx\r\n", kForm), 400, "not valid multipart/form-data");
  expect_error(post("/predict", "x", {{"Content-Type", "multipart/form-data"}}), 400, "not valid multipart/form-data");
  expect_error(post("/predict?topk=3", png), 400, "no parameter 'topk'");
  expect_error(post("/predict?top_k=0", png), 400, "top_k is '0'");
  expect_error(post("/predict?top_k=1.5", png), 400, "top_k must be an integer");
  expect_error(post("/predict?multi=maybe", png), 400, "multi is 'maybe'");
  expect_error(post("/predict?invert=sometimes", png), 400, "invert is 'sometimes'");
  for (const char* query : {"?model=nix", "?multi&model=nix", "?multi=1&&model=nix", "?mod%65l=nix"}) {
    expect_error(post(std::string("/predict") + query, png), 404, "there is no model 'nix'");
  }
  expect_error(post("/predict?model=", png), 400, "model is empty");
}

TEST_F(ModelServerTest, LimitsTheWorkOfARequest) {
  const std::string large = png_bytes(at::zeros({10'000, 10'000, 1}, at::kByte));
  std::vector<std::pair<std::string, std::string>> many(3, {"large.png", large});
  expect_error(post("/predict", form(many), kForm), 400, "more than 250 million pixels");
  const at::Tensor row = at::cat(std::vector<at::Tensor>(20, drawn_one(40, 30)), 1);
  const std::string page = png_bytes(at::cat(std::vector<at::Tensor>(20, row), 0));
  many.assign(3, {"page.png", page});
  expect_error(post("/predict?multi=1", form(many), kForm), 400, "more than 1,024 digits");
}

TEST_F(ModelServerTest, FailsIfAllPicturesFail) {
  EXPECT_EQ(post("/predict", form({{"a.txt", "text"}, {"b.txt", "text"}}), kForm).status, 400);
}

TEST_F(ModelServerTest, CountsWhatItDoes) {
  post("/predict", png_bytes(drawn_one()));
  const HttpAnswer answer = get("/metrics");
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(answer.body, AllOf(HasSubstr("mnist_requests_total{endpoint=\"predict\",code=\"200\"}"),
                                 HasSubstr("mnist_batch_images_bucket{model=\"digits\",version=\"2\",le=\"1\"}"),
                                 HasSubstr("mnist_queue_images{model=\"photos\",version=\"1\"} 0"),
                                 HasSubstr("mnist_connections 1\n")));
}

TEST(ModelServer, AsksForItsKey) {
  const TemporaryFolder folder;
  write_model(folder / "m.pt", "lenet", 1);
  const Served served({{"m", 1, folder / "m.pt"}}, {.api_key = "secret"});
  const auto status = [&](const std::string& target, const std::map<std::string, std::string>& headers) {
    return ask(served.port(), "GET", target, "", headers).status;
  };
  for (const char* target : {"/v2", "/v2/models/m", "/metrics", "/x"}) EXPECT_EQ(status(target, {}), 401) << target;
  for (const char* target : {"/", "/v2/health/live", "/v2/health/ready"}) EXPECT_EQ(status(target, {}), 200) << target;
  EXPECT_EQ(status("/v2", {{"Authorization", "Bearer secret"}}), 200);
  EXPECT_EQ(status("/v2", {{"Authorization", "bearer secret"}}), 200);
  EXPECT_EQ(status("/v2", {{"X-API-Key", "secret"}}), 200);
  for (const char* target : {"/v2/", "http://x/v2", "/v2/health/../models", "/%76%32"}) {
    EXPECT_NE(status(target, {}), 200) << target;
  }
  EXPECT_EQ(status("/v2", {{"Authorization", "Bearer secre"}}), 401);
  EXPECT_EQ(status("/v2", {{"Authorization", "Basic secret"}}), 401);
  EXPECT_EQ(ask(served.port(), "POST", "/predict", "x").headers.at("www-authenticate"), "Bearer");
}

TEST(ModelServer, ReadsChangedFilesAgain) {
  const TemporaryFolder folder;
  write_model(folder / "m.pt", "lenet", 1);
  write_model(folder / "n.pt", "lenet", 1);
  Served served({{"m", 1, folder / "m.pt"}, {"n", 1, folder / "n.pt"}});
  const auto hash = [&] {
    return json::parse(ask(served.port(), "GET", "/v2/models/m").body)["parameters"]["sha256"].get<std::string>();
  };
  const auto reload = [&](std::size_t told) {
    served.server().reload();
    while (served.told().size() < told) std::this_thread::sleep_for(1ms);
    return served.told();
  };
  const std::string before = hash();
  write_model(folder / "m.pt", "lenet", 2);
  EXPECT_THAT(reload(2), AllOf(Contains(HasSubstr("read again")), Contains(HasSubstr("has not changed"))));
  const std::string after = hash();
  EXPECT_NE(after, before);
  write_file(folder / "m.pt", "broken");
  EXPECT_THAT(reload(4), Contains(HasSubstr("the model stays as it was")));
  EXPECT_EQ(hash(), after);
  EXPECT_THAT(ask(served.port(), "GET", "/metrics").body, AllOf(HasSubstr("mnist_reloads_total{result=\"failed\"} 1"),
                                                                HasSubstr("mnist_reloads_total{result=\"ok\"} 1")));
}

TEST(ModelServer, WritesAnAccessLog) {
  const TemporaryFolder folder;
  write_model(folder / "m.pt", "lenet", 1);
  std::mutex mutex;
  std::vector<std::string> lines;
  {
    const Served served({{"m", 1, folder / "m.pt"}}, {.access_log = [&](std::string_view line) {
                          const std::lock_guard lock(mutex);
                          lines.emplace_back(line);
                        }});
    ask(served.port(), "GET", "/v2/models/m?x=1");
    ask(served.port(), "GET", "/nix");
  }
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], ::testing::MatchesRegex(
                            R"(127\.0\.0\.1 - - \[.*\] "GET /v2/models/m\?x=1 HTTP/1\.1" 200 [0-9]+ [0-9.]+)"));
  EXPECT_THAT(lines[1], HasSubstr("\"GET /nix HTTP/1.1\" 404 "));
}

}  // namespace
}  // namespace mnist::test
