// From a decoded picture to the pixels a network was trained on, by the recipe stored with the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/types.h>

#include "mnist/core/recipe.hpp"
#include "mnist/data/read_picture.hpp"

namespace mnist {

// For pictures of digits: networks know light digits on a dark ground.
enum class Invert { automatic, always, never };

// "auto", "always", "never"; throws a usage `Error` with the nearest name otherwise.
Invert invert_from_name(const std::string& name);

// `pixels`: uint8 [height, width, 1..4] as `read_image` gives them, transparent ones laid over white. Returns uint8
// [3, height, width].
torch::Tensor to_rgb(const torch::Tensor& pixels);

// `planes`, uint8 or float [C, H, W], if its longer side is at most `longest` pixels; else made smaller to that,
// antialiased bilinear.
torch::Tensor shrink_to(const torch::Tensor& planes, std::int64_t longest);

// A place on an upright picture, in its pixels.
struct PictureBox {
  std::int64_t left = 0;
  std::int64_t top = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

// Something on a picture that a network can be asked about: a digit, or a photo as a whole.
struct FoundItem {
  torch::Tensor input;  // uint8 [C, H, W] of the recipe's size, ready for `normalize`
  PictureBox box;
  std::int64_t line = 0;  // of the page, from 0
};

// `pixels`: uint8 [height, width, 1..4] as `read_image` gives them. Transparent pixels are laid over white; of a digit,
// over black where white would leave nothing to be seen.
//
// digit: grey by ITU-R 601 luma, light on dark (`invert`; automatic: where a sheet is seen to end, by what it lies on,
// else inverted where the border is lighter than the middle of the picture's own extremes). A picture that already has
// the recipe's size is taken as it is. On any other, sheets, lines of the paper, noise, specks and underlines are told
// from digits (docs/pictures.md), and each digit is placed as MNIST places its own: the bounding box scaled
// (antialiased) to fit 20 x 20, the centre of mass moved to the centre of 28 x 28 (Y. LeCun, "The MNIST database").
// Several digits come in lines from top to bottom, each from left to right; where nothing is written there is none.
//
// photo: RGB, shorter side to `resize` by antialiased bilinear, centre crop; one item, always.
std::vector<FoundItem> find_items(const torch::Tensor& pixels, const Preprocessing& preprocessing, Invert invert);

// The same of the picture in a file, in bounded memory: `with_picture` says what that means for huge ones, whose boxes
// are in pixels of the smaller size at which they are read, and throws.
std::vector<FoundItem> find_items(const std::filesystem::path& path, const Preprocessing& preprocessing, Invert invert,
                                  DecodingMemory& memory);

// What `find_items` finds, for who wants one input whatever is on the picture: zeros where there is no digit. An item
// of a data set, which has the recipe's size, is taken as it is even without contrast.
torch::Tensor prepare_image(const torch::Tensor& pixels, const Preprocessing& preprocessing, Invert invert);
torch::Tensor prepare_file(const std::filesystem::path& path, const Preprocessing& preprocessing, Invert invert,
                           DecodingMemory& memory);

}  // namespace mnist
