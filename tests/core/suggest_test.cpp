#include "mnist/core/suggest.hpp"

#include <gtest/gtest.h>

namespace mnist {
namespace {

const std::vector<std::string> kCommands = {"train", "infer", "evaluate", "info"};

TEST(Nearest, OneEditOfEachKind) {
  EXPECT_EQ(nearest("trian", kCommands), "train");                         // swapped
  EXPECT_EQ(nearest("trin", kCommands), "train");                          // left out
  EXPECT_EQ(nearest("traain", kCommands), "train");                        // doubled
  EXPECT_EQ(nearest("trein", kCommands), "train");                         // replaced
  EXPECT_EQ(nearest("resnet", {"cnn", "lenet", "resnet18"}), "resnet18");  // a prefix has priority over similar names
  EXPECT_EQ(nearest("evalutae", kCommands), "evaluate");
}

TEST(Nearest, CaseDoesNotCount) {
  EXPECT_EQ(nearest("TRAIN", kCommands), "train");
}

TEST(Nearest, NothingWhereNoneIsNear) {
  EXPECT_EQ(nearest("bench", kCommands), "");
  EXPECT_EQ(nearest("", kCommands), "");
  EXPECT_EQ(nearest("x", {"lr"}), "");
  EXPECT_EQ(nearest("train", {}), "");
}

TEST(Nearest, ShorterNamesMayHaveFewerMistakes) {
  EXPECT_EQ(nearest("lx", {"lr"}), "lr");
  EXPECT_EQ(nearest("xx", {"lr"}), "");
  EXPECT_EQ(nearest("cudd", {"cpu", "cuda"}), "cuda");
  EXPECT_EQ(nearest("fashoin-mnsit", {"mnist", "fashion-mnist"}), "fashion-mnist");
}

TEST(Nearest, TheBeginningOfOneNameAlone) {
  EXPECT_EQ(nearest("save", {"save-model", "seed"}), "save-model");
  EXPECT_EQ(nearest("save", {"save-model", "save-image"}), "");
}

TEST(Nearest, OfEqualsTheFirst) {
  EXPECT_EQ(nearest("info", {"infer", "into", "inro"}), "into");
}

TEST(Nearest, OtherWordsForAName) {
  EXPECT_EQ(nearest("no", {"on", "off"}), "off") << "one edit away from 'on', and the opposite of it";
  EXPECT_EQ(nearest("Yes", {"on", "off"}), "on");
  EXPECT_EQ(nearest("learning-rate", {"epochs", "lr"}), "lr");
  EXPECT_EQ(nearest("data", {"dataset", "data-dir"}), "data-dir");
  EXPECT_EQ(nearest("gpu", {"cpu", "cuda"}), "cuda");
  EXPECT_EQ(nearest("no", {"train", "infer"}), "") << "none of its meanings is there";
}

TEST(Nearest, ANameThatItBeginsWith) {
  EXPECT_EQ(nearest("valid", {"test", "val", "train"}), "val");
  EXPECT_EQ(nearest("training", {"test", "val", "train"}), "train");
  EXPECT_EQ(nearest("showroom-x", {"show"}), "") << "less than half of it";
}

TEST(DidYouMean, NamesAllThatAreLikely) {
  EXPECT_EQ(did_you_mean("resnet", {"lenet", "resnet18", "resnet34", "resnet50"}),
            "did you mean 'resnet18', 'resnet34' or 'resnet50'?");
  EXPECT_EQ(did_you_mean("v", {"verbose", "version"}, "--"), "did you mean '--verbose' or '--version'?");
  EXPECT_EQ(did_you_mean("bench", kCommands), "");
}

TEST(Suggestion, NamesTheNearestOrAll) {
  EXPECT_EQ(suggestion("trian", kCommands), "did you mean 'train'?");
  EXPECT_EQ(suggestion("bench", kCommands), "choose one of: train, infer, evaluate, info");
}

}  // namespace
}  // namespace mnist
