# Runs at every build (cmake -P): writes the current revision to OUTPUT, only if it has changed, so that an unchanged
# tree is not recompiled.
execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY "${SOURCE}" OUTPUT_VARIABLE revision
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed AND NOT "$ENV{MNIST_GIT_REVISION}" STREQUAL "")
  set(revision "$ENV{MNIST_GIT_REVISION}")  # of a container image, whose build has no history
elseif(failed)
  set(revision unknown)
else()
  execute_process(COMMAND git status --porcelain --untracked-files=no WORKING_DIRECTORY "${SOURCE}" OUTPUT_VARIABLE changes
                  ERROR_QUIET)
  if(changes)
    string(APPEND revision "-dirty")
  endif()
endif()
# Not the date of the build: the same sources give the same program.
set(date "")
if(NOT "$ENV{SOURCE_DATE_EPOCH}" STREQUAL "")
  string(TIMESTAMP date "%Y-%m-%d" UTC)  # of SOURCE_DATE_EPOCH
elseif(NOT failed)
  execute_process(COMMAND git show --no-patch --format=%cs HEAD WORKING_DIRECTORY "${SOURCE}"
                  OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "#pragma once
#define MNIST_VERSION \"${VERSION}\"
#define MNIST_GIT_REVISION \"${revision}\"
#define MNIST_DATE \"${date}\"
#define MNIST_COMPILER \"${COMPILER}\"
#define MNIST_BUILD_TYPE \"${BUILD_TYPE}\"
")
