#include "mnist/core/version.hpp"

#include "mnist_build.hpp"

namespace mnist {

BuildInfo build_info() {
  return {MNIST_VERSION, MNIST_GIT_REVISION, MNIST_DATE, MNIST_COMPILER, MNIST_BUILD_TYPE};
}

}  // namespace mnist
