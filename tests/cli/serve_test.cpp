// mnist serve as a program: what it prints, its answers beside those of `mnist infer`, signals, and what it refuses.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"

#include "support/hashed.hpp"
#include "support/http_client.hpp"
#include "support/program.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using namespace std::chrono_literals;
using Answer = nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class Serve : public ::testing::Test {
 protected:
  Serve() { write_model("digits.pt", 1); }

  void write_model(const std::string& name, std::uint64_t seed) {
    Recipe recipe{.arch = "lenet", .preprocessing = model_info("lenet").preprocessing};
    for (int i = 0; i < 10; ++i) recipe.class_names.push_back(std::to_string(i));
    write_model_file(folder_ / name, state_dict(*make_network(model_info("lenet"), 10, seed)), recipe);
  }

  SubprocessResult mnist(const Arguments& arguments) {
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    return run(process);
  }

  // Starts the server on a free port, calls `visit` with the port, and sends it the signal.
  SubprocessResult served(const Arguments& more, const std::function<void(std::uint16_t port)>& visit,
                          int signal = SIGTERM) {
    Arguments arguments = {"serve", "--port", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    process.signal = signal;
    process.signal_when = [&](const std::string& out) {
      const std::string begin = "Serving on http://127.0.0.1:";
      const std::size_t at = out.find(begin);
      if (at == std::string::npos || out.find('\n', at) == std::string::npos) return false;
      visit(static_cast<std::uint16_t>(std::stoi(out.substr(at + begin.size()))));
      return true;
    };
    return run(process);
  }

  void expect_refused(const Arguments& arguments, int code, const std::string& error, const std::string& hint) {
    Arguments all = {"serve", "--port", "0"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const SubprocessResult result = mnist(all);
    EXPECT_EQ(result.exit_code, code) << error;
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_THAT(result.err, AllOf(HasSubstr("error: " + error), HasSubstr("hint: " + hint)));
  }

  TemporaryFolder folder_;
};

TEST_F(Serve, AnswersAsInferDoes) {
  std::vector<std::string> names;
  std::vector<Answer> answers;
  const SubprocessResult result = served({"--model", "digits.pt"}, [&](std::uint16_t port) {
    for (int i = 0; i < 5; ++i) {
      names.push_back("noise" + std::to_string(i) + ".png");
      write_png(folder_ / names.back(), hashed_pixels({28, 28, 1}, static_cast<std::uint32_t>(i)));
      const HttpAnswer answer = ask(port, "POST", "/predict?top_k=10", content_of(folder_ / names.back()));
      ASSERT_EQ(answer.status, 200) << answer.body;
      answers.push_back(Answer::parse(answer.body));
    }
  });
  EXPECT_EQ(result.exit_code, 143);
  EXPECT_THAT(result.out, MatchesRegex("Serving on http://127.0.0.1:[0-9]+\n"));
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("model digits, version 1: lenet, 'digits.pt'"), HasSubstr("SIGTERM: stopping")));
  Arguments infer = {"infer", "--model", "digits.pt", "--format", "json", "--top-k", "10", "--batch-size", "1"};
  infer.insert(infer.end(), names.begin(), names.end());
  const std::vector<std::string> lines = lines_of(mnist(infer).out);
  ASSERT_EQ(lines.size(), answers.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    Answer expected = Answer::parse(lines[i]);
    EXPECT_EQ(expected["path"], names[i]);
    expected["path"] = "body";
    EXPECT_EQ(answers[i]["model"], "digits");
    EXPECT_EQ(answers[i]["version"], "1");
    for (const char* key : {"model", "version", "sha256"}) answers[i].erase(key);
    EXPECT_EQ(answers[i], expected);
  }
}

TEST_F(Serve, ServesSeveralModelsAndVersions) {
  write_model("b.pt", 2);
  served({"--model", "digits.pt", "--model", "new=b.pt", "--model", "new=digits.pt"}, [&](std::uint16_t port) {
    const Answer models = Answer::parse(ask(port, "GET", "/v2/models").body)["models"];
    EXPECT_EQ(models[0]["name"], "digits");
    EXPECT_EQ(models[1]["versions"], Answer({"1", "2"}));
  });
}

TEST_F(Serve, ReadsAChangedModelAtSighup) {
  const auto hash = [](std::uint16_t port) {
    return Answer::parse(ask(port, "GET", "/v2/models/digits").body)["parameters"]["sha256"].get<std::string>();
  };
  // Its own process id is not known here: the shell tells it.
  Subprocess process = program(
      "/bin/sh", {"-c", "echo $$; exec \"$0\" serve --port 0 --model digits.pt --access-log a.log", MNIST_BINARY});
  process.folder = folder_.path();
  process.signal = SIGINT;
  process.signal_when = [&](const std::string& out) {
    const std::size_t at = out.find("127.0.0.1:");
    if (at == std::string::npos || !out.ends_with('\n')) return false;
    const auto port = static_cast<std::uint16_t>(std::stoi(out.substr(at + 10)));
    const std::string before = hash(port);
    write_model("digits.pt", 2);
    std::filesystem::rename(folder_ / "a.log", folder_ / "a.log.1");
    write_file(folder_ / "a.log", "");  // as logrotate's "create" does it
    EXPECT_EQ(ask(port, "GET", "/v2/models/before").status, 404);
    ::kill(std::stoi(out), SIGHUP);
    for (int i = 0; i < 500 && hash(port) == before; ++i) std::this_thread::sleep_for(10ms);
    EXPECT_NE(hash(port), before);
    return true;
  };
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_THAT(result.err, AllOf(HasSubstr("SIGHUP: reading changed model files again"), HasSubstr("read again"),
                                HasSubstr("access log: opened again")));
  EXPECT_THAT(content_of(folder_ / "a.log.1"),
              AllOf(StartsWith("127.0.0.1 - - ["), HasSubstr("GET /v2/models/before HTTP/1.1\" 404")));
  EXPECT_THAT(content_of(folder_ / "a.log"), HasSubstr("GET /v2/models/digits HTTP/1.1\" 200"));
}

// As timeout(1) does, which would end the requests that are here.
TEST_F(Serve, StopsOnceIfASignalComesTwice) {
  Subprocess process =
      program("/bin/sh", {"-c", "echo $$; exec \"$0\" serve --port 0 --model digits.pt", MNIST_BINARY});
  process.folder = folder_.path();
  process.signal = SIGTERM;
  process.signal_when = [](const std::string& out) {
    const std::size_t at = out.find("127.0.0.1:");
    if (at == std::string::npos || !out.ends_with('\n')) return false;
    HttpClient client(static_cast<std::uint16_t>(std::stoi(out.substr(at + 10))));
    client.send("GET /v2 HTTP/1.1\r\n");
    std::this_thread::sleep_for(50ms);
    for (int i = 0; i < 2; ++i) {
      ::kill(std::stoi(out), SIGTERM);
      std::this_thread::sleep_for(50ms);  // else the system makes one of them
    }
    client.send("Host: x\r\n\r\n");  // the rest of the request that was here
    EXPECT_EQ(client.answer().status, 200);
    return true;
  };
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 143);
  EXPECT_THAT(result.err, HasSubstr("SIGTERM: stopping"));
}

TEST_F(Serve, TakesTheFirstLineOfAFileAsItsKey) {
  write_file(folder_ / "key", "s3cret\r\nmore\n");
  const SubprocessResult result = served({"--model", "digits.pt", "--api-key-file", "key"}, [](std::uint16_t port) {
    EXPECT_EQ(ask(port, "GET", "/v2").status, 401);
    EXPECT_EQ(ask(port, "GET", "/v2", "", {{"Authorization", "Bearer s3cret"}}).status, 200);
  });
  EXPECT_THAT(result.err, ::testing::Not(HasSubstr("s3cret")));
}

TEST_F(Serve, WarnsIfOtherMachinesReachIt) {
  Subprocess process = program(MNIST_BINARY, {"serve", "--model", "digits.pt", "--port", "0", "--host", "0.0.0.0"});
  process.folder = folder_.path();
  process.signal = SIGTERM;
  process.signal_when = [](const std::string& out) {
    return out.find("Serving on http://0.0.0.0:") != std::string::npos;
  };
  EXPECT_THAT(run(process).err,
              HasSubstr("warning: 0.0.0.0 can be reached from other machines, and requests are not encrypted"));
}

TEST_F(Serve, SaysWhatIsWrong) {
  std::filesystem::create_directory(folder_ / "run");
  std::filesystem::copy_file(folder_ / "digits.pt", folder_ / "run/digits.pt");
  write_file(folder_ / "empty", "\n");
  expect_refused({}, 3, "there is no model file 'mnist_cnn.pt'", "train one first");
  expect_refused({"--model", "digits.pt", "--model", "run/digits.pt"}, 2,
                 "'digits.pt' and 'run/digits.pt' would have the same name, digits", "name them");
  expect_refused({"--model", "a b=digits.pt"}, 2, "--model 'a b=digits.pt': the name cannot be 'a b'", "use up to");
  expect_refused({"--model", "digits.pt", "--host", "a.org"}, 2, "--host 'a.org' is not an IP address", "give");
  expect_refused({"--model", "digits="}, 2, "--model 'digits=' names no file", "write NAME=FILE");
  expect_refused({"--model", "digits.pt", "--api-key-file", "none"}, 3, "there is no API key file 'none'", "make one");
  expect_refused({"--model", "digits.pt", "--api-key-file", "empty"}, 3, "the first line of 'empty' is not an API key",
                 "write letters");
  expect_refused({"--model", "digits.pt", "--access-log", "none/a.log"}, 3, "cannot write 'none/a.log'",
                 "check that the folder");
  served({"--model", "digits.pt"}, [&](std::uint16_t port) {
    const SubprocessResult second = mnist({"serve", "--model", "digits.pt", "--port", std::to_string(port)});
    EXPECT_EQ(second.exit_code, 2);
    EXPECT_THAT(second.err, HasSubstr("another program uses the port"));
  });
}

}  // namespace
}  // namespace mnist::test
