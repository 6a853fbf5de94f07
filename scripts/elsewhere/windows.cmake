# Toolchain: cross-builds for Windows by MinGW on Debian, and runs tests in wine. Used by scripts/elsewhere/windows.
#
#   -DMNIST_ROOT=DIR   the libraries for Windows, and those that are headers only
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MNIST_ROOT)
# The variant whose std::thread and std::mutex work.
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_FIND_ROOT_PATH "${MNIST_ROOT}" /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# So that a program needs no libraries beside it.
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
find_program(MNIST_WINE NAMES wine64-stable wine64 wine PATHS /usr/lib/wine)
set(CMAKE_CROSSCOMPILING_EMULATOR "${MNIST_WINE}")
