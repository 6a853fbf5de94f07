# Toolchain of scripts/elsewhere/aarch64: Debian's cross compiler, libraries of an unpacked Debian arm64 in MNIST_SYSROOT,
# programs run by qemu.
#
#   cmake -DCMAKE_TOOLCHAIN_FILE=scripts/elsewhere/aarch64.cmake -DMNIST_SYSROOT=DIR -DLibTorch_ROOT=DIR ...
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MNIST_SYSROOT)  # CMake's probes read this file, too
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_SYSROOT "${MNIST_SYSROOT}")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L "${MNIST_SYSROOT}")

# Packages are those of the unpacked system, programs those of this one. LibTorch is outside of both, so its paths are
# taken as they are.
set(CMAKE_FIND_ROOT_PATH "${MNIST_SYSROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY BOTH)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE BOTH)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
