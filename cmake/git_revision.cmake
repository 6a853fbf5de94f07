# Run at every build (cmake -P): writes OUTPUT with the revision that is being built, only where it has changed, so that
# an unchanged tree compiles nothing.
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
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "#pragma once
#define MNIST_VERSION \"${VERSION}\"
#define MNIST_GIT_REVISION \"${revision}\"
#define MNIST_COMPILER \"${COMPILER}\"
#define MNIST_BUILD_TYPE \"${BUILD_TYPE}\"
")
