# mnist_module(NAME [TORCH] LINK ... [PRIVATE ...])
#
# One static library from src/NAME/*.cpp, and from src/NAME/SYSTEM/*.cpp for this system, with the public headers
# include/mnist/NAME/*.hpp. A folder in the build tree gives every module access to its own headers and those of the
# modules that it links, so that a forbidden include fails to compile. TORCH: the module uses LibTorch and shares the
# precompiled header.

# Settings of every target. They must be equal, because the precompiled header needs identical flags.
add_library(mnist_settings INTERFACE)
target_compile_features(mnist_settings INTERFACE cxx_std_20)
if(WIN32)
  target_compile_definitions(mnist_settings INTERFACE NOMINMAX WIN32_LEAN_AND_MEAN _WIN32_WINNT=0x0A00)  # Windows 10
endif()
if(MSVC)
  # __cplusplus has its real value; more sections in an object file than LibTorch's templates need.
  target_compile_options(mnist_settings INTERFACE /W4 /utf-8 /Zc:__cplusplus /bigobj)
else()
  # missing-field-initializers: GCC reports members that a designated initializer omits, although this is its purpose.
  target_compile_options(mnist_settings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                                  -Wno-missing-field-initializers)
endif()
include(sanitizers)
include(hardening)

# With CMAKE_UNITY_BUILD, which the presets set, all sources of a module are one unit: LibTorch's headers, which take
# longer than the sources, are compiled ten times instead of a hundred. So names in unnamed namespaces must be unique in
# a module. For frequent small changes, -DCMAKE_UNITY_BUILD=OFF is faster.

# The common headers of all units that use LibTorch, compiled once: 20 s instead of 7 s per unit. Only these: g++ 12
# needs 3 s per unit to load this header, but 8 s if it also contains torch/nn.h or fmt.
if(MNIST_LIBTORCH)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/pch/pch.cpp" CONTENT "")  # not written again where it is there
  add_library(mnist_pch OBJECT "${PROJECT_BINARY_DIR}/pch/pch.cpp")
  target_link_libraries(mnist_pch PRIVATE LibTorch::LibTorch mnist_settings)
  target_precompile_headers(mnist_pch PRIVATE <algorithm> <filesystem> <functional> <memory> <optional> <string> <vector>
                            <torch/types.h>)
endif()

# The folders of a module with sources for one system only: posix is for Linux and macOS.
if(WIN32)
  set(mnist_systems windows)
elseif(APPLE)
  set(mnist_systems posix macos)
else()
  set(mnist_systems posix linux)
endif()

# Where a folder cannot be linked to, as on Windows, it is copied with its content; CMake up to 4.2 creates an empty one.
if(POLICY CMP0205)
  cmake_policy(SET CMP0205 NEW)
endif()

function(mnist_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "LINK;PRIVATE")
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.cpp")
  foreach(system IN LISTS mnist_systems)
    file(GLOB own CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/${system}/*.cpp")
    list(APPEND sources ${own})
  endforeach()
  add_library(mnist_${name} STATIC ${sources})
  add_library(mnist::${name} ALIAS mnist_${name})
  target_link_libraries(mnist_${name} PUBLIC ${arg_LINK} PRIVATE mnist_settings ${arg_PRIVATE})
  if(arg_TORCH)
    target_link_libraries(mnist_${name} PUBLIC LibTorch::LibTorch)
    target_precompile_headers(mnist_${name} REUSE_FROM mnist_pch)
  endif()
  if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/include/mnist/${name}")
    set(root "${PROJECT_BINARY_DIR}/include/${name}")
    file(MAKE_DIRECTORY "${root}/mnist")
    file(CREATE_LINK "${PROJECT_SOURCE_DIR}/include/mnist/${name}" "${root}/mnist/${name}" COPY_ON_ERROR SYMBOLIC)
    target_include_directories(mnist_${name} PUBLIC "${root}")
  endif()
  target_include_directories(mnist_${name} PRIVATE "${PROJECT_SOURCE_DIR}/src/${name}")
endfunction()

# cl.exe has no vector types.
if(MSVC AND NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
  set(_kernels OFF)
else()
  set(_kernels ON)
endif()
option(MNIST_KERNELS "Build the program's own kernels; OFF: all computing is LibTorch's" ${_kernels})

# Optimizes `target` in every build type, and compiles each file that is named after an instruction set for that set.
# The program selects one at run time.
function(mnist_kernel_options target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  set(source "${PROJECT_SOURCE_DIR}/src/kernels")
  if(NOT MNIST_KERNELS)
    target_compile_definitions(${target} PRIVATE MNIST_WITHOUT_KERNELS)
    set_source_files_properties("${source}/avx2.cpp" "${source}/avx512.cpp" "${source}/baseline.cpp" PROPERTIES
                                HEADER_ONLY ON)
    return()
  endif()
  # errno and floating-point exceptions are not used; they would prevent the vectorization of roots and selections.
  # Callers check sizes; checks of every element would also prevent vectorization.
  set(options -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math)
  if(MSVC)  # clang-cl
    list(TRANSFORM options PREPEND /clang:)
  endif()
  target_compile_options(${target} PRIVATE ${options} -U_GLIBCXX_ASSERTIONS)
  if(MINGW)
    # GCC takes the stack for aligned to 32 bytes, which Windows does not promise: https://gcc.gnu.org/PR54412
    target_compile_options(${target} PRIVATE -Wa,-muse-unaligned-vector-move)
  endif()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    # Exactly the features that src/kernels/kernels.cpp checks: a level such as x86-64-v3 allows more.
    set(avx2 -mavx2 -mfma)
    set(avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl)
    set_source_files_properties("${source}/avx2.cpp" PROPERTIES COMPILE_OPTIONS "${avx2}")
    set_source_files_properties("${source}/avx512.cpp" PROPERTIES
                                COMPILE_OPTIONS "${avx2};${avx512};-mprefer-vector-width=512")
  endif()
endfunction()

# Adds what a program of the project needs on Windows: see mnist.manifest.
function(mnist_manifest target)
  if(MINGW)
    target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src/windows/mnist.rc")
  elseif(WIN32)
    target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src/windows/mnist.manifest")
  endif()
endfunction()

# Gives `target` the private header mnist_build.hpp: version, git revision, compiler and build type as string macros.
function(mnist_build_header target)
  set(header "${PROJECT_BINARY_DIR}/generated/mnist_build.hpp")
  add_custom_target(
    mnist_build_header BYPRODUCTS "${header}"
    COMMAND "${CMAKE_COMMAND}" -D "SOURCE=${PROJECT_SOURCE_DIR}" -D "OUTPUT=${header}" -D "VERSION=${PROJECT_VERSION}" -D
            "COMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" -D
            "BUILD_TYPE=$<CONFIG>" -P "${PROJECT_SOURCE_DIR}/cmake/git_revision.cmake"
    COMMENT "" VERBATIM)
  add_dependencies(${target} mnist_build_header)
  set_source_files_properties("${PROJECT_SOURCE_DIR}/src/core/version.cpp" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  target_include_directories(${target} PRIVATE "${PROJECT_BINARY_DIR}/generated")
endfunction()
