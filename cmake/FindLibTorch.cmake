# Finds LibTorch without its own CMake package. In CUDA builds that package requires nvcc and the whole CUDA toolkit,
# but a program that loads CUDA at run time needs neither. Defines
#
#   LibTorch::LibTorch   headers, libtorch_cpu, libc10 and OpenMP: all that this project links
#   LibTorch_VERSION     from LibTorch's own version header
#   LibTorch_ROOT_DIR    the folder that holds lib/ and include/
#
# If -DLibTorch_ROOT (or the environment variable) is given, only that folder is used. Otherwise the first match of:
# $CONDA_PREFIX, <source>/.deps/libtorch, the torch package of the active Python, /usr.

set(_candidates "")
set(_named "${LibTorch_ROOT}")
if(NOT _named)
  set(_named "$ENV{LibTorch_ROOT}")
endif()
if(_named)
  # Real path, because LibTorch finds its own libraries relative to its folder.
  file(REAL_PATH "${_named}" _named)
  if(NOT EXISTS "${_named}/include/ATen/ATen.h")
    message(FATAL_ERROR "There is no LibTorch in ${_named}: set LibTorch_ROOT to the folder that contains its lib/ and include/")
  endif()
  if(LibTorch_INCLUDE_DIR AND NOT LibTorch_INCLUDE_DIR STREQUAL "${_named}/include")
    message(FATAL_ERROR "This build folder is configured with ${LibTorch_INCLUDE_DIR}: to use ${_named}, run cmake --fresh")
  endif()
  set(_candidates "${_named}")
else()
  foreach(_dir IN ITEMS "$ENV{CONDA_PREFIX}" "$ENV{CONDA_PREFIX}/Library" "${PROJECT_SOURCE_DIR}/.deps/libtorch")
    if(_dir AND EXISTS "${_dir}")
      file(REAL_PATH "${_dir}" _dir)
      list(APPEND _candidates "${_dir}")
    endif()
  endforeach()
  if(NOT LibTorch_INCLUDE_DIR)
    execute_process(COMMAND python3 -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
                    OUTPUT_VARIABLE _python_torch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE _failed)
    if(_failed EQUAL 0)
      list(APPEND _candidates "${_python_torch}")
    endif()
  endif()
  list(APPEND _candidates /usr)
endif()

find_path(LibTorch_INCLUDE_DIR ATen/ATen.h PATHS ${_candidates} PATH_SUFFIXES include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS ${_candidates} PATH_SUFFIXES lib lib64 NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS ${_candidates} PATH_SUFFIXES lib lib64 NO_DEFAULT_PATH)
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)

if(LibTorch_INCLUDE_DIR)
  set(_version "")
  foreach(_header IN ITEMS torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
    if(EXISTS "${LibTorch_INCLUDE_DIR}/${_header}")
      file(STRINGS "${LibTorch_INCLUDE_DIR}/${_header}" _lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
      foreach(_part IN ITEMS MAJOR MINOR PATCH)
        if("${_lines}" MATCHES "TORCH_VERSION_${_part} +([0-9]+)")
          list(APPEND _version ${CMAKE_MATCH_1})
        endif()
      endforeach()
    endif()
    if(_version)
      break()
    endif()
  endforeach()
  list(JOIN _version "." LibTorch_VERSION)
  cmake_path(GET LibTorch_INCLUDE_DIR PARENT_PATH LibTorch_ROOT_DIR)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION HANDLE_VERSION_RANGE
  REASON_FAILURE_MESSAGE
    "This project needs 2.11 <= LibTorch < 3. Run scripts/run build, which installs it into .deps/, or set -DLibTorch_ROOT=DIR (the folder that contains lib/ and include/)")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  find_package(OpenMP COMPONENTS CXX QUIET)
  if(NOT OpenMP_CXX_FOUND AND NOT CMAKE_DISABLE_FIND_PACKAGE_OpenMP)
    # Everything would build and pass, and compute on one thread.
    message(FATAL_ERROR "${CMAKE_CXX_COMPILER} has no OpenMP, and without it the program computes on one thread only. "
                        "For clang on Debian or Ubuntu: apt-get install libomp-dev (for version 14: libomp-14-dev). To "
                        "build without it, use -DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON")
  endif()
  find_package(Threads REQUIRED)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  set(_link "${LibTorch_CPU_LIBRARY};${LibTorch_C10_LIBRARY};Threads::Threads")
  set_target_properties(LibTorch::LibTorch PROPERTIES INTERFACE_LINK_LIBRARIES "${_link}")
  foreach(_dir IN ITEMS "${LibTorch_INCLUDE_DIR}" "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
    if(MSVC)
      target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE "${_dir}")
    else()
      # Last in the search order, because LibTorch ships headers of fmt and others in versions that differ from the
      # linked ones.
      target_compile_options(LibTorch::LibTorch INTERFACE "SHELL:-idirafter \"${_dir}\"")
    endif()
  endforeach()
  if(OpenMP_CXX_FOUND)
    # Without this flag at::parallel_for runs on one thread. Only the flag, not OpenMP::OpenMP_CXX, which links
    # the compiler's own libgomp: LibTorch's libgomp is first on the run path, and a process must have only one thread
    # pool.
    separate_arguments(_openmp NATIVE_COMMAND "${OpenMP_CXX_FLAGS}")
    target_compile_options(LibTorch::LibTorch INTERFACE ${_openmp})
    target_link_options(LibTorch::LibTorch INTERFACE ${_openmp})
  endif()
  if(UNIX AND NOT APPLE)
    # The loader finds libtorch_cpu's own dependencies (such as CUDA's runtime) through its RPATH.
    target_link_options(LibTorch::LibTorch INTERFACE "LINKER:--allow-shlib-undefined" "LINKER:--as-needed")
  endif()

  # With a library of the other C++ ABI, everything compiles, but linking fails at the end with many undefined symbols.
  # This small program detects it at once.
  set(_probe "${CMAKE_CURRENT_BINARY_DIR}/libtorch_probe")
  file(WRITE "${_probe}/probe.cpp"
       "#include <c10/util/Exception.h>\nint main() { return ::c10::Error({\"f\", \"g\", 1}, std::string(\"x\")).msg().empty(); }\n")
  try_compile(
    LibTorch_LINKS "${_probe}" SOURCES "${_probe}/probe.cpp"
    LINK_LIBRARIES LibTorch::LibTorch
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
    OUTPUT_VARIABLE _output)
  if(NOT LibTorch_LINKS)
    message(FATAL_ERROR "LibTorch ${LibTorch_VERSION} in ${LibTorch_ROOT_DIR} does not link with this compiler "
                        "(${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}): a build for another C++ ABI or another "
                        "platform?\n${_output}")
  endif()
endif()
