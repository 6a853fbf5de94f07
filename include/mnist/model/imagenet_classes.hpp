// The class names of torchvision's pretrained networks: the 1,000 classes of ImageNet
// (ILSVRC 2012), as torchvision names them. For weights files with 1,000 outputs and without class names.
#pragma once

#include <span>
#include <string_view>

namespace mnist {

// 1,000 names by index.
std::span<const std::string_view> imagenet_class_names();

}  // namespace mnist
