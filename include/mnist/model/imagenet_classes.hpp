// What the outputs of torchvision's networks are called before they are trained on: the 1,000 classes of ImageNet
// (ILSVRC 2012), as torchvision names them. For weights files that have as many outputs and name no classes.
#pragma once

#include <span>
#include <string_view>

namespace mnist {

// index -> name; 1,000 of them.
std::span<const std::string_view> imagenet_class_names();

}  // namespace mnist
