# A compiler without OpenMP is an error when the build is configured, which says what to do; without OpenMP on purpose,
# as the preset `fuzz`, it is none.
#
#   cmake -D SOURCE=REPOSITORY -D WORK=FOLDER -D COMPILER=C++ -D LIBTORCH=FOLDER -P openmp_test.cmake
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE "${WORK}")
# As clang where libomp-dev is not installed.
file(WRITE "${WORK}/c++" "#!/bin/sh
for argument; do
  case $argument in -fopenmp* | -openmp | -xopenmp | -qopenmp | -mp) echo \"unsupported: $argument\" >&2; exit 1 ;; esac
done
exec '${COMPILER}' \"$@\"
")
file(CHMOD "${WORK}/c++" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
file(WRITE "${WORK}/project/CMakeLists.txt" "cmake_minimum_required(VERSION 3.25)
project(without_openmp LANGUAGES CXX)
list(APPEND CMAKE_MODULE_PATH \"${SOURCE}/cmake\")
find_package(LibTorch REQUIRED)
")

# configure(FOLDER OPTION...): the exit code in `code`, what CMake says in `text`.
macro(configure folder)
  execute_process(COMMAND "${CMAKE_COMMAND}" -S "${WORK}/project" -B "${WORK}/${folder}" "-DCMAKE_CXX_COMPILER=${WORK}/c++"
                          "-DLibTorch_ROOT=${LIBTORCH}" ${ARGN}
                  RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
endmacro()

configure(without)
string(REGEX REPLACE "[ \n]+" " " text "${text}")
if(code EQUAL 0 OR NOT text MATCHES "has no OpenMP" OR NOT text MATCHES "apt-get install libomp-dev")
  message(SEND_ERROR "a compiler without OpenMP: ${code}, ${text}")
endif()
configure(on_purpose -DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON)
if(NOT code EQUAL 0)
  message(SEND_ERROR "without OpenMP on purpose: ${code}, ${text}")
endif()
