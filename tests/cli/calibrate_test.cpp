// Tests --calibrate with the real binary: held-back images, the temperature in the model, the probabilities.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Calibrate : public ::testing::Test {
 protected:
  Calibrate() { write_small_mnist(folder_ / "data", 200, 50); }

  SubprocessResult mnist(const std::vector<std::string>& arguments) {
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    return run(process);
  }

  SubprocessResult train(const std::vector<std::string>& further) {
    std::vector<std::string> arguments = {"train", "--arch", "lenet", "--epochs", "1", "--device", "cpu"};
    arguments.insert(arguments.end(), further.begin(), further.end());
    return mnist(arguments);
  }

  nlohmann::json json_of(const std::vector<std::string>& arguments) {
    const SubprocessResult result = mnist(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return nlohmann::json::parse(result.out);
  }

  TemporaryFolder folder_;
};

TEST_F(Calibrate, KeepsImagesFromTrainingAndATemperatureInTheModel) {
  const SubprocessResult result = train({"--calibrate", "50"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("[0/150 (0%)]"));
  EXPECT_THAT(result.err, HasSubstr("calibrated on 50 kept images: temperature "));
  const double temperature = json_of({"info", "lenet.pt", "--format", "json"})["temperature"];
  EXPECT_NE(temperature, 1);

  const auto evaluated = json_of({"evaluate", "--model", "lenet.pt", "--device", "cpu", "--format", "json"});
  EXPECT_EQ(evaluated["calibration"]["temperature"], temperature);
  std::int64_t items = 0;
  for (const auto& bin : evaluated["calibration"]["bins"]) items += bin["items"].get<std::int64_t>();
  EXPECT_EQ(items, 50);
  EXPECT_THAT(mnist({"evaluate", "--model", "lenet.pt", "--device", "cpu"}).out,
              HasSubstr("Expected calibration error: "));
}

TEST_F(Calibrate, TheAnswersHaveTheTemperature) {
  ASSERT_EQ(train({"--calibrate", "50", "--output", "with.pt"}).exit_code, 0);
  const double temperature = json_of({"info", "with.pt", "--format", "json"})["temperature"];
  // Without a recipe, the same weights have no temperature.
  const auto weights = folder_ / "runs" / "lenet-1" / "last.pt";
  const auto answer = [&](const std::string& model) {
    return json_of(
        {"infer", "--model", model, "--test-item", "3", "--format", "json", "--device", "cpu", "--top-k", "10"});
  };
  const auto calibrated = answer("with.pt");
  const auto plain = answer(weights.string());
  ASSERT_EQ(calibrated["prediction"], plain["prediction"]);
  const auto odds = [](const nlohmann::json& json) {
    return std::log(json["top_k"][0]["probability"].get<double>() / json["top_k"][9]["probability"].get<double>());
  };
  EXPECT_NEAR(odds(calibrated), odds(plain) / temperature, 1e-3);
}

TEST_F(Calibrate, ImagesThatAreKeptGoThroughAFrozenBody) {
  ASSERT_EQ(train({"--output", "first.pt"}).exit_code, 0);
  const SubprocessResult result = train({"--scenario", "fixedfeature", "--weights", "first.pt", "--calibrate", "50"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("calibrated on 50 kept images: temperature "));
}

TEST_F(Calibrate, WithoutItNothingIsKept) {
  const SubprocessResult result = train({});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("[0/200 (0%)]"));
  EXPECT_THAT(result.err, Not(HasSubstr("calibrated")));
  EXPECT_EQ(json_of({"info", "lenet.pt", "--format", "json"})["temperature"], 1.0);
}

TEST_F(Calibrate, AStoppedRunComesToTheSameModel) {
  ASSERT_EQ(train({"--calibrate", "50", "--epochs", "2", "--output", "whole.pt"}).exit_code, 0);
  ASSERT_EQ(train({"--calibrate", "50", "--epochs", "2", "--output", "parts.pt", "--run-dir", "parts", "--stop-after",
                   "0.001s", "--checkpoint-every", "1steps"})
                .exit_code,
            85);
  for (int start = 0; start < 30; ++start) {
    const SubprocessResult result = mnist({"train", "--resume", "parts"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    if (result.err.find("is finished") != std::string::npos) break;
  }
  EXPECT_THAT(mnist({"train", "--resume", "parts"}).err, HasSubstr("is finished")) << "a temperature must not matter";
  EXPECT_EQ(content_of(folder_ / "parts.pt"), content_of(folder_ / "whole.pt"));
}

TEST_F(Calibrate, SomethingMustBeLeftToTrainOn) {
  const SubprocessResult result = train({"--calibrate", "200"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--calibrate 200 uses all of the 200 training images"));
}

}  // namespace
}  // namespace mnist::test
