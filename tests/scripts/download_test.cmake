# The checked download of scripts/fetch_data, with files in place of mirrors.
#
#   cmake -D SOURCE=REPOSITORY -D WORK=FOLDER -P download_test.cmake
cmake_minimum_required(VERSION 3.25)
include("${SOURCE}/scripts/download.cmake")

file(REMOVE_RECURSE "${WORK}")
file(WRITE "${WORK}/good/item" "what was published")
file(WRITE "${WORK}/bad/item" "what a broken mirror sends")
string(SHA256 sha256 "what was published")
set(wanted "${WORK}/got/item")
set(mirrors "file://${WORK}/missing/item" "file://${WORK}/bad/item" "file://${WORK}/good/item")

function(expect_good_file what)
  file(READ "${wanted}" text)
  if(NOT text STREQUAL "what was published" OR EXISTS "${wanted}.partial")
    message(SEND_ERROR "${what}: '${text}'")
  endif()
endfunction()

download("${wanted}" ${sha256} ${mirrors})
expect_good_file("the first mirror that delivers the published file is used")

download("${wanted}" ${sha256} "file://${WORK}/missing/item")
expect_good_file("a good file is kept without asking a mirror")

file(WRITE "${wanted}" "damaged")
download("${wanted}" ${sha256} ${mirrors})
expect_good_file("a damaged file is replaced")

# A mirror that sends something else must not overwrite what is there; its failure is named, the script ends.
file(WRITE "${wanted}" "older version")
file(WRITE "${WORK}/failing.cmake" "include(\"${SOURCE}/scripts/download.cmake\")
download(\"${wanted}\" ${sha256} \"file://${WORK}/missing/item\" \"file://${WORK}/bad/item\")
message(NOTICE \"went on\")")
execute_process(COMMAND "${CMAKE_COMMAND}" -P "${WORK}/failing.cmake" RESULT_VARIABLE code ERROR_VARIABLE text
                OUTPUT_QUIET)
file(READ "${wanted}" kept)
if(code EQUAL 0 OR text MATCHES "went on")
  message(SEND_ERROR "a download without a good mirror went on: ${text}")
endif()
foreach(part IN ITEMS "error: no mirror delivered ${wanted}" "/missing/item: " "/bad/item: came with SHA-256" "hint: ")
  string(FIND "${text}" "${part}" position)
  if(position EQUAL -1)
    message(SEND_ERROR "'${part}' is not in: ${text}")
  endif()
endforeach()
if(NOT kept STREQUAL "older version" OR EXISTS "${wanted}.partial")
  message(SEND_ERROR "a failed download left '${kept}'")
endif()

# The script itself refuses what it does not know.
execute_process(COMMAND "${CMAKE_COMMAND}" -P "${SOURCE}/scripts/fetch_data.cmake" -- mnits RESULT_VARIABLE code
                ERROR_VARIABLE text OUTPUT_QUIET)
if(code EQUAL 0 OR NOT text MATCHES "error: unknown data set 'mnits'")
  message(SEND_ERROR "fetch_data.cmake mnits: exit code ${code}, ${text}")
endif()

# Files that are there in another form that mnist reads are left alone, and no mirror is asked.
foreach(name IN ITEMS train-images-idx3-ubyte train-labels.idx1-ubyte t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte)
  file(WRITE "${WORK}/flat/${name}" "as it is")
endforeach()
execute_process(COMMAND "${CMAKE_COMMAND}" -P "${SOURCE}/scripts/fetch_data.cmake" -- mnist --dir "${WORK}/flat"
                RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
file(GLOB_RECURSE files RELATIVE "${WORK}/flat" "${WORK}/flat/*")
list(LENGTH files count)
if(NOT code EQUAL 0 OR NOT count EQUAL 4 OR NOT text MATCHES "flat/train-labels.idx1-ubyte: already there")
  message(SEND_ERROR "files that are there: exit code ${code}, ${files}, ${text}")
endif()

# Folders may have any name that Windows gives them. Here C: is a folder, too.
foreach(folder IN ITEMS "C:/Users/My Name/x" "C:/Users/O'Neil & Co (1) [old]; x")
  set(there "${WORK}/windows/${folder}")
  foreach(name IN ITEMS train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte)
    file(WRITE "${there}/MNIST/raw/${name}" "as it is")
  endforeach()
  foreach(way IN ITEMS option variable)
    if(way STREQUAL variable)
      set(ENV{MNIST_DATA_DIR} "${folder}")
      execute_process(COMMAND "${CMAKE_COMMAND}" -P "${SOURCE}/scripts/fetch_data.cmake" -- mnist
                      WORKING_DIRECTORY "${WORK}/windows" RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
    else()
      execute_process(COMMAND "${CMAKE_COMMAND}" -P "${SOURCE}/scripts/fetch_data.cmake" -- --dir "${folder}" mnist
                      WORKING_DIRECTORY "${WORK}/windows" RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
    endif()
    string(REGEX MATCHALL "already there, kept" kept "${text}")
    list(LENGTH kept count)
    if(NOT code EQUAL 0 OR NOT count EQUAL 4)
      message(SEND_ERROR "${folder} by ${way}: exit code ${code}, ${text}")
    endif()
  endforeach()
  unset(ENV{MNIST_DATA_DIR})
endforeach()
# Nor does a backslash at the end of one join the next argument to it.
execute_process(COMMAND "${CMAKE_COMMAND}" -P "${SOURCE}/scripts/fetch_data.cmake" -- --dir "C:\\My Name\\data\\" mnits
                OUTPUT_QUIET ERROR_VARIABLE text)
if(NOT text MATCHES "error: unknown data set 'mnits'")
  message(SEND_ERROR "a backslash at the end of a folder: ${text}")
endif()

# The scripts that builds run, with such names for what they read and write.
set(folder "${WORK}/windows/C:/My Sources (1)")
file(WRITE "${folder}/draw page.html" "<p>what a page has;[]</p>\n")
execute_process(COMMAND "${CMAKE_COMMAND}" -D "OUTPUT=${folder}/page.hpp" -D "FILES=${folder}/draw page.html"
                        -P "${SOURCE}/cmake/embed_files.cmake" RESULT_VARIABLE code ERROR_VARIABLE text)
file(READ "${folder}/page.hpp" header)
if(NOT code EQUAL 0 OR NOT header MATCHES "kDrawPageHtml =\n    R\"text\\(<p>what a page has;\\[\\]</p>\n\\)text\";")
  message(SEND_ERROR "embed_files.cmake: ${code}, ${text}, ${header}")
endif()
set(ENV{MNIST_GIT_REVISION} of-an-image)
set(ENV{GIT_CEILING_DIRECTORIES} "${WORK}")
execute_process(COMMAND "${CMAKE_COMMAND}" -D "SOURCE=${folder}" -D "OUTPUT=${folder}/build.hpp" -D VERSION=1.2.3
                        -D "COMPILER=MSVC 19.4" -D BUILD_TYPE=Release -P "${SOURCE}/cmake/git_revision.cmake"
                RESULT_VARIABLE code ERROR_VARIABLE text)
file(READ "${folder}/build.hpp" header)
if(NOT code EQUAL 0 OR NOT header MATCHES "MNIST_GIT_REVISION \"of-an-image\"")
  message(SEND_ERROR "git_revision.cmake: ${code}, ${text}, ${header}")
endif()
