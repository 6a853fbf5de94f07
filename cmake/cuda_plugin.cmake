# mnist_cuda_plugin(): builds libmnist_cuda.so next to the program if the CUDA toolkit (nvcc 12.4 or newer) and
# LibTorch's CUDA library are installed; otherwise a status line gives the reason. The program itself does not depend on
# it.
#
#   -DMNIST_CUDA=AUTO|ON|OFF          ON: not being able to build it is an error (default AUTO)
#   -DCMAKE_CUDA_ARCHITECTURES=...    default: every generation of GPUs that the toolkit knows, and what is newer by PTX
#
# nvcc is that of $CUDACXX at the first configuration, else of $CUDA_HOME, the search path, /usr/local/cuda.

set(MNIST_CUDA AUTO CACHE STRING "Build the CUDA plug-in: AUTO (if the CUDA toolkit is installed), ON or OFF")
set_property(CACHE MNIST_CUDA PROPERTY STRINGS AUTO ON OFF)

function(_mnist_no_cuda reason)
  if(NOT MNIST_CUDA STREQUAL ON)
    message(STATUS "CUDA plug-in: not built (${reason})")
    file(REMOVE "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/libmnist_cuda.so")  # of another configuration; it would be loaded
  else()
    message(FATAL_ERROR "CUDA plug-in: ${reason}; to omit it, use -DMNIST_CUDA=OFF")
  endif()
endfunction()

macro(mnist_cuda_plugin)
  if(NOT MNIST_CUDA MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR "MNIST_CUDA must be AUTO, ON or OFF, not ${MNIST_CUDA}")
  elseif(NOT MNIST_CUDA)
    _mnist_no_cuda("MNIST_CUDA is OFF")
  else()
    find_library(LibTorch_CUDA_LIBRARY torch_cuda PATHS "${LibTorch_ROOT_DIR}" PATH_SUFFIXES lib lib64 NO_DEFAULT_PATH)
    find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda PATHS "${LibTorch_ROOT_DIR}" PATH_SUFFIXES lib lib64 NO_DEFAULT_PATH)
    separate_arguments(_cudacxx UNIX_COMMAND "$ENV{CUDACXX}")
    if(_cudacxx)
      list(GET _cudacxx 0 _cudacxx)  # options may follow
      find_program(MNIST_NVCC "${_cudacxx}")
    else()
      find_program(MNIST_NVCC nvcc HINTS ENV CUDA_HOME PATHS /usr/local/cuda/bin PATH_SUFFIXES bin)
    endif()
    mark_as_advanced(LibTorch_CUDA_LIBRARY LibTorch_C10_CUDA_LIBRARY MNIST_NVCC)
    if(WIN32 OR APPLE)
      _mnist_no_cuda("Linux only")
    elseif(NOT LibTorch_CUDA_LIBRARY OR NOT LibTorch_C10_CUDA_LIBRARY)
      _mnist_no_cuda("this LibTorch has no CUDA library")
    elseif(NOT MNIST_NVCC)
      _mnist_no_cuda("no nvcc was found; CUDACXX=\"$ENV{CUDACXX}\", CUDA_HOME=\"$ENV{CUDA_HOME}\"")
    else()
      if(NOT CMAKE_CUDA_COMPILER)
        if(NOT _cudacxx)
          set(ENV{CUDACXX} "${MNIST_NVCC}")
        endif()
        include(CheckLanguage)
        check_language(CUDA)
      endif()
      if(CMAKE_CUDA_COMPILER)
        if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
          set(CMAKE_CUDA_ARCHITECTURES all-major)
        endif()
        enable_language(CUDA)
        find_package(CUDAToolkit)
      else()
        _mnist_no_cuda("${MNIST_NVCC} does not work with this C++ compiler")
      endif()
    endif()
    if(CMAKE_CUDA_COMPILER_LOADED AND NOT CUDAToolkit_FOUND)
      _mnist_no_cuda("nvcc is installed, but the rest of the CUDA toolkit is missing")
    elseif(CMAKE_CUDA_COMPILER_LOADED AND CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.4)
      # With older headers, LibTorch's class for CUDA graphs has another layout.
      _mnist_no_cuda("nvcc ${CMAKE_CUDA_COMPILER_VERSION} is older than 12.4")
    elseif(CMAKE_CUDA_COMPILER_LOADED)
      # Separate target: nvcc does not support the options of LibTorch's users and does not need its headers.
      add_library(mnist_cuda_kernels OBJECT src/cuda/kernels.cu)
      # C++17, because CMake 3.25 does not know that nvcc supports later standards.
      set_target_properties(mnist_cuda_kernels PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON
                            POSITION_INDEPENDENT_CODE ON CUDA_VISIBILITY_PRESET hidden)
      # The program's Philox is a constexpr function, which the GPU can also execute.
      target_compile_options(mnist_cuda_kernels PRIVATE --expt-relaxed-constexpr)
      target_include_directories(mnist_cuda_kernels PRIVATE "$<TARGET_PROPERTY:mnist_device,INTERFACE_INCLUDE_DIRECTORIES>"
                                                            "$<TARGET_PROPERTY:mnist_core,INTERFACE_INCLUDE_DIRECTORIES>")
      add_library(mnist_cuda MODULE src/cuda/plugin.cpp $<TARGET_OBJECTS:mnist_cuda_kernels>)
      set_target_properties(mnist_cuda PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                            CUDA_STANDARD 17  # would be C++'s, which some generators ask after though it has no CUDA source
                            LIBRARY_OUTPUT_DIRECTORY "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
      target_include_directories(mnist_cuda PRIVATE "$<TARGET_PROPERTY:mnist_cuda_kernels,INCLUDE_DIRECTORIES>")
      target_link_libraries(mnist_cuda PRIVATE mnist_settings LibTorch::LibTorch "${LibTorch_CUDA_LIBRARY}"
                                               "${LibTorch_C10_CUDA_LIBRARY}" CUDA::cudart_static)
      # If this LibTorch lacks a function, linking fails here and not later on a machine with a GPU.
      target_link_options(mnist_cuda PRIVATE -Wl,--no-undefined)
      add_dependencies(mnist mnist_cuda)
      mnist_install_target(mnist_cuda "$ORIGIN/.." lib/mnist cuda)
      message(STATUS "CUDA plug-in: with nvcc ${CMAKE_CUDA_COMPILER_VERSION} for ${CMAKE_CUDA_ARCHITECTURES}")
    endif()
  endif()
endmacro()
