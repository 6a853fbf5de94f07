# -DMNIST_SANITIZE=...: has every target that links mnist_settings watched while it runs. LibTorch is not.
#
#   address   reads and writes outside of memory, leaks, and undefined behaviour
#   thread    data races, also in parallel loops: clang's OpenMP tells the sanitizer what its threads wait for (Archer),
#             GCC's does not, and every loop would be a race
#   fuzzer    as address, and counted for the fuzz targets (tests/fuzz), which are built instead of the tests
if(MNIST_SANITIZE MATCHES "^(thread|fuzzer)$" AND NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
  message(FATAL_ERROR "MNIST_SANITIZE=${MNIST_SANITIZE} needs clang, this is ${CMAKE_CXX_COMPILER_ID}: use the preset")
endif()
if(MNIST_SANITIZE STREQUAL thread AND NOT OpenMP_CXX_FOUND)
  message(FATAL_ERROR "MNIST_SANITIZE=thread needs clang's OpenMP (Debian's libomp-dev): loops would have one thread")
endif()
set(_sanitizers_address address,undefined)
set(_sanitizers_thread thread)
set(_sanitizers_fuzzer fuzzer-no-link,address,undefined)
if(MNIST_SANITIZE)
  if(NOT DEFINED _sanitizers_${MNIST_SANITIZE})
    message(FATAL_ERROR "MNIST_SANITIZE is OFF, address, thread or fuzzer, not ${MNIST_SANITIZE}")
  endif()
  set(_flag -fsanitize=${_sanitizers_${MNIST_SANITIZE}})
  target_compile_options(mnist_settings INTERFACE ${_flag} -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(mnist_settings INTERFACE ${_flag})
endif()
