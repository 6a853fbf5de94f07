#include "mnist/model/imagenet_classes.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace mnist {
namespace {

// Known positions in the list; a missing or repeated entry would shift the later ones.
TEST(ImagenetClasses, AreInTheOrderOfTheOutputs) {
  const auto names = imagenet_class_names();
  ASSERT_EQ(names.size(), 1000U);
  EXPECT_EQ(names[0], "tench");
  EXPECT_EQ(names[1], "goldfish");
  EXPECT_EQ(names[207], "golden retriever");
  EXPECT_EQ(names[281], "tabby");
  EXPECT_EQ(names[388], "giant panda");
  EXPECT_EQ(names[530], "digital clock");
  EXPECT_EQ(names[817], "sports car");
  EXPECT_EQ(names[954], "banana");
  EXPECT_EQ(names[999], "toilet tissue");
  EXPECT_TRUE(std::ranges::none_of(names, &std::string_view::empty));
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
}

}  // namespace
}  // namespace mnist
