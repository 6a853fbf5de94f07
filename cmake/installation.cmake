# mnist_installation(): what `cmake --install BUILD --prefix DIR` writes: the program, completions of shells, the manual
# page, documentation. The installed program looks for LibTorch in the folder of the build's LibTorch, then in DIR/lib.
# cuda_plugin.cmake installs the plug-in.
include(GNUInstallDirs)

# Installs as DESTINATION/NAME what the program prints for the further arguments.
function(_mnist_install_output destination name)
  set(file "${PROJECT_BINARY_DIR}/installed/${name}")
  install(CODE "
    file(MAKE_DIRECTORY \"${PROJECT_BINARY_DIR}/installed\")
    execute_process(COMMAND \"$<TARGET_FILE:mnist>\" ${ARGN} OUTPUT_FILE \"${file}\" COMMAND_ERROR_IS_FATAL ANY)
    file(INSTALL \"${file}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${destination}\")")
endfunction()

# Sets `result` to "$ORIGIN/.../lib" where LibTorch is in the source folder, as the build folder is; else to nothing.
function(_mnist_libraries_relative_to_program libraries result)
  set(${result} "" PARENT_SCOPE)
  file(REAL_PATH "${PROJECT_SOURCE_DIR}" source)
  file(REAL_PATH "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}" programs)
  cmake_path(IS_PREFIX source "${libraries}" has_libraries)
  cmake_path(IS_PREFIX source "${programs}" has_program)
  if(has_libraries AND has_program)
    cmake_path(RELATIVE_PATH libraries BASE_DIRECTORY "${programs}" OUTPUT_VARIABLE relative)
    set(${result} "$ORIGIN/${relative}" PARENT_SCOPE)
  endif()
endfunction()

# mnist_install_target(TARGET FOLDER DESTINATION COMPONENT): installs it, and sets where it looks for libraries: in
# CMAKE_BUILD_RPATH, in the folder of LibTorch, then in FOLDER. In the build folder it looks first for a LibTorch in the
# source folder relative to itself, so that a clone can be moved; an installed one must not, because others may own what
# is there. CMake's own change of the path when it installs is not used: it ends the path of the build with a colon, and
# the loader would also search the working directory, which may contain anything.
function(mnist_install_target target folder destination component)
  install(TARGETS ${target} RUNTIME DESTINATION "${destination}" LIBRARY DESTINATION "${destination}"
          COMPONENT ${component})
  # The option -DCMAKE_INSTALL_RPATH has priority.
  if(UNIX AND NOT APPLE AND NOT DEFINED CMAKE_INSTALL_RPATH)
    cmake_path(GET LibTorch_CPU_LIBRARY PARENT_PATH libraries)
    set(path ${CMAKE_BUILD_RPATH} "${libraries}" "${folder}")
    _mnist_libraries_relative_to_program("${libraries}" relative)
    set(build_path ${relative} ${path})
    set_target_properties(${target} PROPERTIES BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "${build_path}")
    if(relative)
      list(JOIN path ":" path)
      list(JOIN build_path ":" build_path)
      install(CODE "file(RPATH_CHANGE
        FILE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${destination}/$<TARGET_FILE_NAME:${target}>\"
        OLD_RPATH [==[${build_path}]==] NEW_RPATH [==[${path}]==])" COMPONENT ${component})
    endif()
  endif()
endfunction()

function(mnist_installation)
  mnist_install_target(mnist "$ORIGIN/../lib" "${CMAKE_INSTALL_BINDIR}" Unspecified)

  # A build of a container image has no documentation.
  install(FILES LICENSE README.md SECURITY.md DESTINATION "${CMAKE_INSTALL_DOCDIR}" OPTIONAL)
  install(DIRECTORY docs DESTINATION "${CMAKE_INSTALL_DOCDIR}" OPTIONAL)
  # The program's hints name the script (src/format/fetch_command.cpp).
  install(PROGRAMS scripts/fetch_data DESTINATION "${CMAKE_INSTALL_DATADIR}/mnist" OPTIONAL)
  install(FILES scripts/common.sh scripts/download.cmake scripts/fetch_data.cmake
          DESTINATION "${CMAKE_INSTALL_DATADIR}/mnist" OPTIONAL)
  if(CMAKE_SYSTEM_NAME STREQUAL Linux)
    # Examples: which options a service has, and whether there is one, is for the administrator to say.
    install(FILES scripts/systemd/mnist-serve.logrotate scripts/systemd/mnist-serve.service
            DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples" OPTIONAL)
  endif()

  if(CMAKE_CROSSCOMPILING)
    message(STATUS "Installation: without completions and manual page, which the program would have to print")
    return()
  endif()
  _mnist_install_output("${CMAKE_INSTALL_DATADIR}/bash-completion/completions" mnist completion bash)
  _mnist_install_output("${CMAKE_INSTALL_DATADIR}/zsh/site-functions" _mnist completion zsh)
  _mnist_install_output("${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d" mnist.fish completion fish)
  _mnist_install_output("${CMAKE_INSTALL_MANDIR}/man1" mnist.1 man)
endfunction()
