#include "mnist/core/recipe.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/json.hpp"
#include "mnist/core/text.hpp"

namespace mnist {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kLargestSide = 4096;
constexpr std::int64_t kLargestZoom = 4;  // of `resize` over the sides that are cut out of it
constexpr double kLargestMean = 1000;
constexpr double kSmallestStd = 1e-6;
constexpr double kLargestStd = 1e6;
constexpr std::size_t kMostClasses = 100'000;
constexpr std::size_t kMostAncestors = 100;

std::string kind_name(Preprocessing::Kind kind) {
  return kind == Preprocessing::Kind::digit ? "digit" : "photo";
}

// Throws std::invalid_argument with what is wrong.
void check(const Preprocessing& preprocessing) {
  const auto side = [](const char* name, std::int64_t value, std::int64_t smallest) {
    if (value < smallest || value > kLargestSide) {
      throw std::invalid_argument(fmt::format("{} is {}, not {} to {}", name, value, smallest, kLargestSide));
    }
  };
  side("height", preprocessing.height, 1);
  side("width", preprocessing.width, 1);
  side("resize", preprocessing.resize, 0);
  // A photo is made so large before its middle is cut out.
  const auto largest_resize = kLargestZoom * std::max(preprocessing.height, preprocessing.width);
  if (preprocessing.resize > largest_resize) {
    throw std::invalid_argument(
        fmt::format("resize is {}, more than {} times height and width", preprocessing.resize, kLargestZoom));
  }
  if (preprocessing.channels != 1 && preprocessing.channels != 3) {
    throw std::invalid_argument(fmt::format("channels is {}, not 1 or 3", preprocessing.channels));
  }
  const auto channels = static_cast<std::size_t>(preprocessing.channels);
  if (preprocessing.mean.size() != channels || preprocessing.std.size() != channels) {
    throw std::invalid_argument("mean and std must have one number a channel");
  }
  // Outside of these bounds pixels would become infinite or all the same.
  for (const double mean : preprocessing.mean) {
    if (std::abs(mean) > kLargestMean) {
      throw std::invalid_argument(fmt::format("mean is {}, not -{} to {}", mean, kLargestMean, kLargestMean));
    }
  }
  for (const double std : preprocessing.std) {
    if (std < kSmallestStd || std > kLargestStd) {
      throw std::invalid_argument(fmt::format("std is {}, not {} to {}", std, kSmallestStd, kLargestStd));
    }
  }
}

Preprocessing preprocessing_from(const Json& json) {
  Preprocessing preprocessing;
  const auto kind = json.at("kind").get<std::string>();
  if (kind == "photo") {
    preprocessing.kind = Preprocessing::Kind::photo;
  } else if (kind != "digit") {
    throw std::invalid_argument(fmt::format("kind is {}, not digit or photo", quoted_name(kind)));
  }
  preprocessing.channels = whole_number(json, "channels");
  preprocessing.height = whole_number(json, "height");
  preprocessing.width = whole_number(json, "width");
  preprocessing.resize = whole_number(json, "resize");
  json.at("mean").get_to(preprocessing.mean);
  json.at("std").get_to(preprocessing.std);
  check(preprocessing);
  return preprocessing;
}

std::vector<Ancestor> ancestry_from(const Json& json) {
  std::vector<Ancestor> ancestry;
  if (json.size() > kMostAncestors) throw std::invalid_argument(fmt::format("{} ancestors", json.size()));
  for (const Json& entry : json) {
    Ancestor ancestor;
    entry.at("file").get_to(ancestor.file);
    entry.at("sha256").get_to(ancestor.sha256);
    if (entry.contains("dataset")) {
      entry.at("dataset").get_to(ancestor.dataset);
      ancestor.epochs = whole_number(entry, "epochs");
    }
    ancestry.push_back(std::move(ancestor));
  }
  return ancestry;
}

nlohmann::ordered_json json_of(const Ancestor& ancestor) {
  nlohmann::ordered_json json = {{"file", ancestor.file}, {"sha256", ancestor.sha256}};
  if (ancestor.dataset.empty()) return json;
  json["dataset"] = ancestor.dataset;
  json["epochs"] = ancestor.epochs;
  return json;
}

TrainingSummary training_from(const Json& json) {
  TrainingSummary training;
  json.at("dataset").get_to(training.dataset);
  training.epochs = whole_number(json, "epochs");
  training.seed = whole_number(json, "seed");
  training.val_split = json.value("val_split", 0.0);
  if (!(training.val_split >= 0 && training.val_split < 1)) {
    throw std::invalid_argument(fmt::format("val_split is {}, not 0 to 1", training.val_split));
  }
  training.train_sha256 = json.value("train_sha256", "");
  training.val_sha256 = json.value("val_sha256", "");
  json.at("test_loss").get_to(training.test_loss);
  training.correct = whole_number(json, "correct");
  training.test_items = whole_number(json, "test_items");
  json.at("program").get_to(training.program);
  if (json.contains("limit_batches")) training.limit_batches = whole_number(json, "limit_batches");
  if (json.contains("ancestry")) training.ancestry = ancestry_from(json.at("ancestry"));
  return training;
}

}  // namespace

Preprocessing resized(Preprocessing photo, std::int64_t side) {
  photo.height = side;
  photo.width = side;
  photo.resize = std::lround(static_cast<double>(side) * 256 / 224);
  return photo;
}

std::string to_json(const Recipe& recipe) {
  const Preprocessing& preprocessing = recipe.preprocessing;
  const TrainingSummary& training = recipe.training;
  nlohmann::ordered_json json = {{"format_version", Recipe::kFormatVersion},
                                 {"arch", recipe.arch},
                                 {"class_names", recipe.class_names},
                                 {"preprocessing",
                                  {{"kind", kind_name(preprocessing.kind)},
                                   {"channels", preprocessing.channels},
                                   {"height", preprocessing.height},
                                   {"width", preprocessing.width},
                                   {"resize", preprocessing.resize},
                                   {"mean", preprocessing.mean},
                                   {"std", preprocessing.std}}},
                                 {"training",
                                  {{"dataset", training.dataset},
                                   {"epochs", training.epochs},
                                   {"seed", training.seed},
                                   {"test_loss", training.test_loss},
                                   {"correct", training.correct},
                                   {"test_items", training.test_items},
                                   {"program", training.program}}}};
  if (recipe.temperature != 1) json["temperature"] = recipe.temperature;
  if (training.val_split > 0) json["training"]["val_split"] = training.val_split;
  if (!training.train_sha256.empty()) json["training"]["train_sha256"] = training.train_sha256;
  if (!training.val_sha256.empty()) json["training"]["val_sha256"] = training.val_sha256;
  if (training.limit_batches > 0) json["training"]["limit_batches"] = training.limit_batches;
  for (std::size_t i = 0; i < std::min(training.ancestry.size(), kMostAncestors); ++i) {
    json["training"]["ancestry"].push_back(json_of(training.ancestry[i]));
  }
  // A class may be named after a folder whose name is not UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Recipe recipe_from_json(std::string_view text, const std::string& source) {
  try {
    const Json json = parse_bounded_json(text);
    const std::int64_t version = whole_number(json, "format_version");
    if (version > Recipe::kFormatVersion) {
      throw data_error(fmt::format("the recipe in {} has format version {}, this program reads up to {}", source,
                                   version, Recipe::kFormatVersion),
                       "use a newer version of mnist");
    }
    Recipe recipe;
    json.at("arch").get_to(recipe.arch);
    json.at("class_names").get_to(recipe.class_names);
    if (recipe.class_names.empty() || recipe.class_names.size() > kMostClasses) {
      throw std::invalid_argument(fmt::format("{} class names", recipe.class_names.size()));
    }
    recipe.preprocessing = preprocessing_from(json.at("preprocessing"));
    recipe.temperature = json.value("temperature", 1.0);
    if (!(recipe.temperature >= 0.01 && recipe.temperature <= 100)) {
      throw std::invalid_argument(fmt::format("temperature is {}, not 0.01 to 100", recipe.temperature));
    }
    recipe.training = training_from(json.at("training"));
    return recipe;
  } catch (const Json::exception& error) {
    throw data_error(fmt::format("the recipe in {} cannot be read: {}", source, message_of(error)),
                     "the file is damaged or was written by another program");
  } catch (const std::invalid_argument& error) {
    throw data_error(fmt::format("the recipe in {} makes no sense: {}", source, error.what()),
                     "the file is damaged or was written by another program");
  }
}

}  // namespace mnist
