// Declarations for LibTorch's ProcessGroupGloo.hpp, because LibTorch does not ship Gloo's headers. Gloo itself is in
// libtorch_cpu. This program neither defines nor calls these classes, so no symbol of Gloo is linked.
#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds);
};

}  // namespace gloo
