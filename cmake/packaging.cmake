# mnist_packaging(): a .tar.gz and a .deb of the program with LibTorch's libraries for the CPU, for the Debian that it is built on:
#
#   cpack --config build/release/CPackConfig.cmake -G TGZ        or -G DEB; both: scripts/package
#
# They contain what `cmake --install` writes but for the plug-in, and what packaging/contents.cmake adds: the libraries,
# in lib/mnist/libtorch, and licences. Settings:
#
#   -DMNIST_PACKAGE_MAINTAINER="NAME <ADDRESS>"    who answers for the package (default $DEBFULLNAME <$DEBEMAIL>)
#   -DMNIST_LIBTORCH_LICENSES=DIR                  licences of LibTorch (default: what scripts/install_libtorch keeps)

# The default of MNIST_PACKAGE_MAINTAINER.
function(_mnist_maintainer result)
  if(NOT "$ENV{DEBFULLNAME}" STREQUAL "" AND NOT "$ENV{DEBEMAIL}" STREQUAL "")
    set(${result} "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>" PARENT_SCOPE)
  else()
    set(${result} "The mnist authors <mnist-authors@noreply.invalid>" PARENT_SCOPE)
  endif()
endfunction()

# Only cpack installs the component `package`.
function(_mnist_package_contents)
  find_program(MNIST_STRIP strip)  # CMAKE_STRIP can be llvm-strip 14, after which LibTorch's libraries do not load
  if(NOT MNIST_STRIP AND NOT CMAKE_STRIP MATCHES "llvm")
    set(MNIST_STRIP "${CMAKE_STRIP}")
  endif()
  set(run_path "")
  if(NOT DEFINED CMAKE_INSTALL_RPATH)  # which has priority
    set(run_path "$ORIGIN/../lib/mnist/libtorch")
  endif()
  set(variables "")
  foreach(variable IN ITEMS run_path MNIST_STRIP CMAKE_INSTALL_BINDIR CMAKE_INSTALL_DATADIR CMAKE_INSTALL_DOCDIR
                            CMAKE_INSTALL_MANDIR PROJECT_SOURCE_DIR PROJECT_BINARY_DIR PROJECT_VERSION
                            MNIST_PACKAGE_MAINTAINER MNIST_LIBTORCH_LICENSES)
    string(APPEND variables "set(${variable} [==[${${variable}}]==])\n")
  endforeach()
  install(CODE "${variables}set(program [==[$<TARGET_FILE:mnist>]==])" COMPONENT package EXCLUDE_FROM_ALL)
  install(SCRIPT cmake/packaging/contents.cmake COMPONENT package EXCLUDE_FROM_ALL)
endfunction()

# What cpack asks for in any package.
macro(_mnist_package_settings)
  set(CPACK_GENERATOR TGZ DEB)
  set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/packages")
  set(CPACK_PACKAGE_VENDOR "The mnist authors")
  set(CPACK_PACKAGE_CONTACT "${MNIST_PACKAGE_MAINTAINER}")
  set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "train and run small image classifiers on LibTorch")
  set(CPACK_PACKAGE_FILE_NAME "mnist-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR}")
  if(EXISTS "${PROJECT_SOURCE_DIR}/LICENSE")  # not where an image is built
    set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
  endif()
  set(CPACK_STRIP_FILES ON)
  # `Unspecified` is what the other install commands belong to.
  set(CPACK_INSTALL_CMAKE_PROJECTS "${PROJECT_BINARY_DIR};mnist;Unspecified;/" "${PROJECT_BINARY_DIR};mnist;package;/")
  set(CPACK_SOURCE_IGNORE_FILES "/\\\\.git/" "/build[^/]*/" "/\\\\.deps" "/\\\\.pixi/" "/data/" "/runs/")
endmacro()

macro(_mnist_debian_settings)
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
  set(CPACK_DEBIAN_PACKAGE_SECTION science)
  set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bash-completion, ca-certificates, cmake, dataset-fashion-mnist")
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
  set(CPACK_DEBIAN_COMPRESSION_TYPE xz CACHE STRING "Compression of the .deb: xz (small), or gzip (quick)")
  set(CPACK_THREADS 0)
  set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
      "It trains, evaluates and runs convolutional networks for MNIST, and ResNet and
MobileNet on folders of one's own photos, and reads and writes the model files
of the Python programs. It classifies pictures of digits, exports models as
ONNX, and serves them by HTTP.
.
This package contains LibTorch's libraries for the CPU, and none for GPUs.")
endmacro()

function(mnist_packaging)
  if(NOT CMAKE_SYSTEM_NAME STREQUAL Linux OR CMAKE_CROSSCOMPILING)
    return()
  endif()
  _mnist_maintainer(maintainer)
  set(MNIST_PACKAGE_MAINTAINER "${maintainer}" CACHE STRING "Maintainer of the packages")
  cmake_path(GET LibTorch_ROOT_DIR PARENT_PATH beside)
  set(MNIST_LIBTORCH_LICENSES "${beside}/licenses" CACHE PATH "Folder with the licences of LibTorch, for the packages")
  _mnist_package_contents()
  _mnist_package_settings()
  _mnist_debian_settings()
  include(CPack)
endfunction()
