// The connected marks on a sheet, and those of them that make up the digit: a photo also has specks, table edges and
// shadows.
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace mnist {

// `ink`: float [H, W], about 0 (paper) to 1 (ink). Returns bool [H, W], the pixels of the digit's marks; all false
// where there is no mark.
// A mark is what hangs together at a quarter of full ink and reaches half of it somewhere. Marks much smaller than the
// largest are dropped, and so are those that run out of the picture, unless there is nothing else of weight.
torch::Tensor digit_marks(const torch::Tensor& ink);

}  // namespace mnist
