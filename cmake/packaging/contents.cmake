# Run by cpack after the program was installed into the folder of a package: adds the libraries that only LibTorch's
# folder has, licences and what Debian asks for. cmake/packaging.cmake sets the variables.
set(root "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
set(docs "${root}/${CMAKE_INSTALL_DATADIR}/doc/mnist")
set(private "${root}/lib/mnist/libtorch")  # cpack would call ldconfig for a folder right in lib

# set_run_path(FILE PATH [OPTIONAL]): FILE looks for its libraries in PATH only. OPTIONAL: without a run path it looks
# in the folders of the system only, and may stay so. The commands of file() are those that CMake writes into its own
# installation scripts.
function(set_run_path file path)
  file(READ_ELF "${file}" RPATH old_rpath RUNPATH old_runpath CAPTURE_ERROR error)
  set(old "${old_rpath}${old_runpath}")
  string(REPLACE ";" ":" old "${old}")
  string(LENGTH "${old}" room)
  string(LENGTH "${path}" length)
  if("${old}${error}" STREQUAL "" AND "${ARGN}" STREQUAL OPTIONAL)
    return()
  endif()
  if(length GREATER room)
    message(FATAL_ERROR "${file} has no room for the run path ${path}, only for '${old}': build it with a LibTorch in "
                        "a folder with a longer name. ${error}")
  endif()
  if(NOT old STREQUAL path)
    file(RPATH_CHANGE FILE "${file}" OLD_RPATH "${old}" NEW_RPATH "${path}")
  endif()
endfunction()

# run(COMMAND...): an error of it ends the packaging.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# compress(FILE TARGET): FILE becomes TARGET, without its name and time.
function(compress file target)
  run(gzip --best --no-name --force "${file}")
  if(NOT "${file}.gz" STREQUAL target)
    file(RENAME "${file}.gz" "${target}")
  endif()
  file(CHMOD "${target}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

# The libraries that the program loads and no package of the system has.
function(find_libraries result)
  file(GET_RUNTIME_DEPENDENCIES EXECUTABLES "${program}" RESOLVED_DEPENDENCIES_VAR found
       UNRESOLVED_DEPENDENCIES_VAR missing CONFLICTING_DEPENDENCIES_PREFIX conflict
       POST_EXCLUDE_REGEXES "^/(usr/)?lib(32|64|x32)?/")
  if(missing)
    message(FATAL_ERROR "these libraries of ${program} are not there: ${missing}; build it again")
  endif()
  foreach(name IN LISTS conflict_FILENAMES)
    list(GET conflict_${name} 0 first)
    list(APPEND found "${first}")
  endforeach()
  if(NOT found MATCHES "/libtorch_cpu\\.so")
    message(FATAL_ERROR "the program does not load libtorch_cpu.so from a folder of its own: ${found}")
  endif()
  set(${result} "${found}" PARENT_SCOPE)
endfunction()

# Copies a library under the name that it is loaded by; NVIDIA's licence wants its files unchanged.
function(add_library_file library)
  cmake_path(GET library FILENAME name)
  file(REAL_PATH "${library}" real)
  cmake_path(GET real FILENAME real_name)
  file(COPY "${real}" DESTINATION "${private}" NO_SOURCE_PERMISSIONS)
  if(NOT real_name STREQUAL name)
    file(RENAME "${private}/${real_name}" "${private}/${name}")
  endif()
  if(NOT real MATCHES "/nvidia/")
    if(MNIST_STRIP)
      run("${MNIST_STRIP}" --strip-unneeded "${private}/${name}")
    endif()
    set_run_path("${private}/${name}" "$ORIGIN" OPTIONAL)
  endif()
endfunction()

function(add_licenses)
  if(NOT EXISTS "${MNIST_LIBTORCH_LICENSES}")
    message(FATAL_ERROR "there are no licences of LibTorch in ${MNIST_LIBTORCH_LICENSES}, and a package needs them: run "
                        "scripts/install_libtorch --licenses, or set -DMNIST_LIBTORCH_LICENSES=DIR")
  endif()
  file(COPY "${MNIST_LIBTORCH_LICENSES}/" DESTINATION "${docs}/licenses" NO_SOURCE_PERMISSIONS)
  file(COPY "${PROJECT_SOURCE_DIR}/cmake/packaging/copyright" DESTINATION "${docs}" NO_SOURCE_PERMISSIONS)
  file(REMOVE "${docs}/LICENSE")  # its text is in copyright
endfunction()

function(add_changelogs)
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # of SOURCE_DATE_EPOCH if that is set
  file(WRITE "${docs}/changelog.Debian" "mnist (${PROJECT_VERSION}-1) unstable; urgency=medium

  * Package of version ${PROJECT_VERSION}. changelog.gz has what changed.

 -- ${MNIST_PACKAGE_MAINTAINER}  ${date}
")
  compress("${docs}/changelog.Debian" "${docs}/changelog.Debian.gz")
  file(COPY_FILE "${PROJECT_SOURCE_DIR}/CHANGELOG.md" "${docs}/changelog")
  compress("${docs}/changelog" "${docs}/changelog.gz")
endfunction()

find_libraries(libraries)
foreach(library IN LISTS libraries)
  add_library_file("${library}")
endforeach()
if(run_path)
  set_run_path("${root}/${CMAKE_INSTALL_BINDIR}/mnist" "${run_path}")
endif()
add_licenses()
add_changelogs()
compress("${root}/${CMAKE_INSTALL_MANDIR}/man1/mnist.1" "${root}/${CMAKE_INSTALL_MANDIR}/man1/mnist.1.gz")
file(COPY "${PROJECT_SOURCE_DIR}/cmake/packaging/overrides/mnist"
     DESTINATION "${root}/${CMAKE_INSTALL_DATADIR}/lintian/overrides" NO_SOURCE_PERMISSIONS)
# Whatever the umask is.
file(CHMOD_RECURSE "${root}" DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
     WORLD_READ WORLD_EXECUTE)
