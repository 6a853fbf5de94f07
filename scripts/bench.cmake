# Times one training epoch and one prediction of the built program on this machine's CPU. Compares with nothing.
#
#   cmake [-D DATA_ARGS="--data-dir;DIR"] -D MNIST=PROGRAM -P scripts/bench.cmake
#
# In CMake's script language so that it runs wherever the tasks of pixi.toml do. Leaves nothing behind.
cmake_minimum_required(VERSION 3.25)

cmake_host_system_information(RESULT processor QUERY PROCESSOR_DESCRIPTION)
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
execute_process(COMMAND "${CMAKE_COMMAND}" -E echo "machine: ${processor}, ${cores} logical cores")
execute_process(COMMAND "${MNIST}" info COMMAND_ERROR_IS_FATAL ANY)

# timed(WHAT COMMAND...): runs it, its output passing through, and prints the wall time of the whole process.
function(timed what)
  string(TIMESTAMP start "%s%f")
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
  string(TIMESTAMP end "%s%f")
  math(EXPR milliseconds "(${end} - ${start}) / 1000")
  math(EXPR whole "${milliseconds} / 1000")
  math(EXPR rest "${milliseconds} % 1000 + 1000")
  string(SUBSTRING ${rest} 1 3 rest)
  execute_process(COMMAND "${CMAKE_COMMAND}" -E echo "${what}: ${whole}.${rest} s")
endfunction()

cmake_path(GET MNIST PARENT_PATH folder)
string(APPEND folder "/bench-run")
file(REMOVE_RECURSE "${folder}")  # of a run that was broken off
file(MAKE_DIRECTORY "${folder}")
set(model "${folder}/mnist_cnn.pt")
timed("one training epoch with its test pass" "${MNIST}" train --epochs 1 --device cpu --output "${model}" --run-dir
      "${folder}/run" ${DATA_ARGS})
timed("one prediction" "${MNIST}" infer --model "${model}" --test-item 250 ${DATA_ARGS})
file(REMOVE_RECURSE "${folder}")
