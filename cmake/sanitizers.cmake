# -DMNIST_SANITIZE=...: has every target that links mnist_settings watched while it runs. LibTorch is not.
#
#   address   reads and writes outside of memory, leaks, and undefined behaviour
#   thread    data races and deadlocks
#   fuzzer    as address, and counted for the fuzz targets (tests/fuzz), which are built instead of the tests
if(MNIST_SANITIZE STREQUAL address)
  set(_sanitizers address,undefined)
elseif(MNIST_SANITIZE STREQUAL thread)
  set(_sanitizers thread)
elseif(MNIST_SANITIZE STREQUAL fuzzer)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "MNIST_SANITIZE=fuzzer needs clang, this is ${CMAKE_CXX_COMPILER_ID}: use cmake --preset fuzz")
  endif()
  set(_sanitizers fuzzer-no-link,address,undefined)
elseif(MNIST_SANITIZE)
  message(FATAL_ERROR "MNIST_SANITIZE is OFF, address, thread or fuzzer, not ${MNIST_SANITIZE}")
endif()
if(MNIST_SANITIZE)
  target_compile_options(mnist_settings INTERFACE -fsanitize=${_sanitizers} -fno-sanitize-recover=undefined
                                                  -fno-omit-frame-pointer)
  target_link_options(mnist_settings INTERFACE -fsanitize=${_sanitizers})
endif()
