# -DMNIST_SANITIZE=...: enables a sanitizer in every target that links mnist_settings. LibTorch is not instrumented.
#
#   address   reads and writes outside of memory, leaks, and undefined behaviour
#   thread    data races, also in parallel loops: clang's OpenMP reports its synchronization to the sanitizer (Archer);
#             with GCC's OpenMP every loop would be reported as a race
#   fuzzer    like address, plus coverage for the fuzz targets (tests/fuzz), which are built instead of the tests
if(MNIST_SANITIZE MATCHES "^(thread|fuzzer)$" AND NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
  message(FATAL_ERROR "MNIST_SANITIZE=${MNIST_SANITIZE} needs clang, but the compiler is ${CMAKE_CXX_COMPILER_ID}: use the preset")
endif()
if(MNIST_SANITIZE STREQUAL thread AND NOT OpenMP_CXX_FOUND)
  message(FATAL_ERROR "MNIST_SANITIZE=thread needs clang's OpenMP: install it (Debian: libomp-dev); without it loops have one thread")
endif()
set(_sanitizers_address address,undefined)
set(_sanitizers_thread thread)
set(_sanitizers_fuzzer fuzzer-no-link,address,undefined)
if(MNIST_SANITIZE)
  if(NOT DEFINED _sanitizers_${MNIST_SANITIZE})
    message(FATAL_ERROR "MNIST_SANITIZE must be OFF, address, thread or fuzzer, not ${MNIST_SANITIZE}")
  endif()
  set(_flag -fsanitize=${_sanitizers_${MNIST_SANITIZE}})
  target_compile_options(mnist_settings INTERFACE ${_flag} -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(mnist_settings INTERFACE ${_flag})
endif()
