// What LibTorch's ProcessGroupGloo.hpp needs of Gloo's headers, which LibTorch does not ship: the classes it names.
// Gloo itself is in libtorch_cpu; nothing here is defined or called by us, so no symbol of Gloo's is linked.
#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds);
};

}  // namespace gloo
