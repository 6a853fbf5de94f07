// Converts a picture to a network's input size, by the recipe that is stored with the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/types.h>

#include "mnist/core/recipe.hpp"
#include "mnist/data/read_picture.hpp"

namespace mnist {

// Whether to invert pictures of digits: networks expect light digits on a dark background.
enum class Invert { automatic, always, never };

// `name`: "auto", "always" or "never". Throws a usage `Error` with the nearest name for another one.
Invert invert_from_name(const std::string& name);

// `pixels`: uint8 [height, width, 1..4] of `read_image`. Transparent pixels are composited over white. Returns uint8
// [3, height, width].
torch::Tensor to_rgb(const torch::Tensor& pixels);

// Returns `planes`, uint8 or float [C, H, W], unchanged if the longer side is at most `longest` pixels; otherwise
// resized to it (antialiased bilinear).
torch::Tensor shrink_to(const torch::Tensor& planes, std::int64_t longest);

// A rectangle on an upright picture, in pixels.
struct PictureBox {
  std::int64_t left = 0;
  std::int64_t top = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

// One input for a network, found on a picture: a digit, or a whole photo.
struct FoundItem {
  torch::Tensor input;  // uint8 [C, H, W] of the recipe's size, ready for `normalize`
  PictureBox box;
  std::int64_t line = 0;  // of the page, from 0
};

// What may make the digits on a picture wrong or incomplete.
enum class PictureNote {
  none,
  stroke_at_edge,  // a stroke at the edge looks like a further digit and is not among the items
  digit_at_edge,   // a digit touches the edge: a part of it may be missing
  wide_digit,      // a digit is much wider than high: it may be several that touch
  small_marks,     // there are only marks that are too small for digits
};

// The inputs found on a picture.
struct FoundItems {
  std::vector<FoundItem> items;
  PictureNote note = PictureNote::none;
};

// Finds the digits on a picture, or prepares a photo. `pixels`: uint8 [height, width, 1..4] of `read_image`.
// Transparent pixels are composited over white; for digits over black, if nothing is visible over white.
//
// digit: grey (ITU-R 601 luma), light on dark (`invert`; automatic: if the edges of a paper sheet are visible, inverted
// if the sheet is lighter than its surroundings; else inverted if the border is lighter than the mean of the picture's
// darkest and lightest value). A picture of the recipe's size is used unchanged. On other pictures, paper sheets, ruled
// lines, noise, specks and underlines are separated from digits (docs/pictures.md), and each digit is placed as in
// MNIST: the bounding box is scaled (antialiased) to fit 20 x 20, the centre of mass is moved to the centre of 28 x 28
// (Y. LeCun, "The MNIST database"). Digits are ordered by line from top to bottom, in a line from left to right. The
// result is empty if the picture shows no digit.
//
// photo: RGB, shorter side to `resize` (antialiased bilinear), centre crop; always one item.
FoundItems find_items(const torch::Tensor& pixels, const Preprocessing& preprocessing, Invert invert);

// The same for a picture file, in bounded memory. A huge picture is read at a smaller size (`with_picture`), and its
// boxes are in pixels of that size. Throws like `with_picture`.
FoundItems find_items(const InputFile& file, const Preprocessing& preprocessing, Invert invert, DecodingMemory& memory);

// Returns exactly one input, uint8 [C, H, W]: the first item of `find_items`, or zeros if there is no digit. A picture
// of the recipe's size, such as an item of a data set, is used unchanged even if it has no contrast.
torch::Tensor prepare_image(const torch::Tensor& pixels, const Preprocessing& preprocessing, Invert invert);
torch::Tensor prepare_file(const std::filesystem::path& path, const Preprocessing& preprocessing, Invert invert,
                           DecodingMemory& memory);

}  // namespace mnist
