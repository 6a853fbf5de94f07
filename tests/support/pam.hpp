// Reads PAM (Netpbm's format for any number of channels), written by scripts/image_fixtures.py.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/temporary_folder.hpp"

namespace mnist::test {

// uint8 [height, width, channels]
inline torch::Tensor read_pam(const std::filesystem::path& path) {
  std::istringstream in(content_of(path));
  std::string key;
  std::map<std::string, std::int64_t> values;
  for (in >> key; in >> key && key != "ENDHDR";) in >> values[key];
  in.get();
  auto pixels = torch::empty({values["HEIGHT"], values["WIDTH"], values["DEPTH"]}, torch::kUInt8);
  in.read(static_cast<char*>(pixels.data_ptr()), pixels.numel());
  EXPECT_TRUE(in && pixels.numel() > 0) << path << " is no PAM file";
  return pixels;
}

}  // namespace mnist::test
