// Whether what came back from a file is what was written.
#pragma once

#include <cstddef>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/format/named_tensors.hpp"

namespace mnist::test {

inline void expect_same(const NamedTensors& one, const NamedTensors& other) {
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].first, other[i].first);
    EXPECT_EQ(one[i].second.scalar_type(), other[i].second.scalar_type()) << one[i].first;
    EXPECT_TRUE(at::equal(one[i].second, other[i].second)) << one[i].first;
  }
}

}  // namespace mnist::test
