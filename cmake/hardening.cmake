# -DMNIST_HARDEN=ON (the default): enables the hardening of compiler and linker. If a malicious file triggers a defect,
# the program ends before the defect can be exploited. Uses only supported flags; nothing for MSVC, and nothing with
# sanitizers, which check the same.
#
#   stack      return addresses are guarded, and no frame jumps over the guard page
#   jumps      only to intended targets (on processors that check it)
#   library    bounds of the C library's functions (FORTIFY_SOURCE) and of the C++ library's containers
#   addresses  random load address (PIE), address tables that are read-only before main (full RELRO: functions are
#              resolved at the start), a stack that is not executable
include(CheckCXXCompilerFlag)
include(CheckLinkerFlag)

option(MNIST_HARDEN "Build with the compiler's and the linker's hardening" ON)

if(MNIST_HARDEN AND NOT MNIST_SANITIZE AND NOT MSVC)
  set(CMAKE_REQUIRED_FLAGS -Werror)  # clang only warns of a flag that it does not use
  set(_flags -fstack-protector-strong -fcf-protection -mbranch-protection=standard)
  if(NOT MINGW)  # GCC fails with an internal error in functions with large frames
    list(APPEND _flags -fstack-clash-protection)
  else()
    target_link_options(mnist_settings INTERFACE -fstack-protector-strong)  # links libssp
  endif()
  foreach(_flag IN LISTS _flags)
    string(MAKE_C_IDENTIFIER "MNIST_HAS${_flag}" _variable)
    check_cxx_compiler_flag(${_flag} ${_variable})
    if(${_variable})
      target_compile_options(mnist_settings INTERFACE ${_flag})
    endif()
  endforeach()
  unset(CMAKE_REQUIRED_FLAGS)
  # Some distributions and conda define it already. It needs an optimizing compiler.
  target_compile_options(mnist_settings INTERFACE
                         "$<$<NOT:$<CONFIG:Debug>>:SHELL:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>")
  target_compile_definitions(mnist_settings INTERFACE _GLIBCXX_ASSERTIONS)
  foreach(_flag IN ITEMS relro now noexecstack)
    check_linker_flag(CXX "LINKER:-z,${_flag}" MNIST_HAS_LINKER_${_flag})
    if(MNIST_HAS_LINKER_${_flag})
      target_link_options(mnist_settings INTERFACE "LINKER:-z,${_flag}")
    endif()
  endforeach()
  if(UNIX AND NOT APPLE)  # Apple's programs are so anyway
    # Not CMAKE_POSITION_INDEPENDENT_CODE: it compiles a library with other flags than a program, and a precompiled
    # header needs identical flags.
    target_compile_options(mnist_settings INTERFACE "$<$<NOT:$<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>>:-fPIE>")
    target_link_options(mnist_settings INTERFACE "$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>")
  endif()
endif()
