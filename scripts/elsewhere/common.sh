# Sourced by the scripts of this folder, after scripts/common.sh: their options, their exit codes, and what several do.
# shellcheck shell=bash disable=SC2034
: "${called_from:?set by the script that sources this file}"

# Where a step keeps what takes long to make: unpacked systems, LibTorch, build folders.
elsewhere_cache=${XDG_CACHE_HOME:-$HOME/.cache}/mnist/elsewhere

# does_not_apply REASON: ends a step that this machine cannot take; scripts/elsewhere/all prints the reason.
does_not_apply() {
  echo "does not apply: $*"
  exit 77
}

# absolute FILE: as the caller of the script means it, who was in $called_from.
absolute() {
  (cd "$called_from" && realpath -m "$1")
}

# read_options NAMES ARGUMENT...: sets the variables of the options in NAMES: work and short, where a step has them also
# data_dir and beside. What is no option stays in the array `rest`.
read_options() {
  local names=" $1 " self script name
  self=$(basename "$0")
  script=scripts/elsewhere/$self
  shift
  work=$elsewhere_cache/$self short='' data_dir='' beside='' rest=()
  while [ $# -gt 0 ]; do
    name=${1#--}
    case "$1" in
      -h | --help) print_head_comment "$0" && exit ;;
      --short | --work | --data-dir | --beside)
        [[ "$names" == *" $name "* ]] || fail 2 "unknown argument '$1'" "$script --help"
        if [ "$1" = --short ]; then
          short=1
        else
          [ $# -ge 2 ] || fail 2 "$1 needs a value" "$script --help"
          printf -v "${name//-/_}" %s "$(absolute "$2")"
          shift
        fi
        ;;
      -*) fail 2 "unknown argument '$1'" "$script --help" ;;
      *) rest+=("$1") ;;
    esac
    shift
  done
  if [ ${#rest[@]} -gt 0 ] && [[ "$names" != *" rest "* ]]; then
    fail 2 "unknown argument '${rest[0]}'" "$script --help"
  fi
}

# need COMMAND PACKAGE: installs Debian's package where the command is missing and this user may.
need() {
  command -v "$1" >/dev/null || apt_install "$2" || does_not_apply "$1 is missing (Debian: sudo apt-get install $2)"
}

# What compiles quickly, without most optimizations; the kernels have their own options.
quickly="-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG"

# configure FOLDER OPTION...: a release build in FOLDER that compiles through ccache, where it is there. Afresh where
# another clone has used that folder.
configure() {
  local folder=$1 fresh=()
  shift
  has_setting "$folder" CMAKE_HOME_DIRECTORY "$(pwd -P)" || fresh=(--fresh)
  cmake "${fresh[@]}" --preset release -B "$folder" -DMNIST_CUDA=OFF \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" "$@"
}

# build FOLDER TARGET...: compiles them; a warning is an error of the step, and its lines are its last ones.
build() {
  local folder=$1 log
  shift
  log=$folder/build.log
  cmake --build "$folder" --parallel "$(nproc)" --target "$@" 2>&1 | tee "$log"
  if grep -q 'warning:' "$log"; then
    echo "the compiler warns:"
    grep 'warning:' "$log"
    rm "$folder/.ninja_log" # so that the next call does not take what is compiled for clean
    return 1
  fi
}

# run_tests FOLDER MODULE...: the tests of these modules by ctest.
run_tests() {
  local folder=$1 modules
  shift
  modules=$(IFS='|' && echo "$*")
  attached ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel 2 --tests-regex "^($modules)(\\.|\$)"
}

# check_syntax FOLDER SYSTEMS HEADERS COMPILER OPTION...: compiles each module as one unit, without making code; of the
# kernels the variant that each processor has. SYSTEMS: the folders of sources for one system that belong to it. HEADERS:
# libraries' headers for another system, which come before those of this one. Modules are checked side by side.
check_syntax() {
  local folder=$1 systems=$2 headers=$3 torch module system sources failed=0
  local modules=(core device format data model distributed train export report predict serve cli)
  shift 3
  torch=$(scripts/install_libtorch --where)
  mkdir -p "$folder"
  cmake -D "OUTPUT=$folder/draw_page_files.hpp" -D "FILES=$(printf '%s;' "$PWD"/src/serve/page/*)" -P cmake/embed_files.cmake
  cmake -D "SOURCE=$PWD" -D "OUTPUT=$folder/mnist_build.hpp" -D VERSION=0 -D COMPILER=none -D BUILD_TYPE=none \
    -P cmake/git_revision.cmake
  for module in "${modules[@]}"; do
    sources=$(find "src/$module" -maxdepth 1 -name '*.cpp')
    for system in $systems; do
      [ ! -d "src/$module/$system" ] || sources+=$'\n'$(find "src/$module/$system" -name '*.cpp')
    done
    sort <<<"$sources" | sed "s,.*,#include \"$PWD/&\"," >"$folder/$module.cpp"
  done
  printf '#include "%s"\n' "$PWD/src/main.cpp" >"$folder/main.cpp"
  printf '#include "%s"\n' "$PWD"/src/kernels/{baseline,kernels}.cpp >"$folder/kernels.cpp"
  modules+=(main kernels)
  for module in "${modules[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
      wait -n || true
    done
    {
      if "$@" "$folder/$module.cpp" -std=c++20 -fsyntax-only -Iinclude -Isrc -I"src/$module" -I"$folder" \
        -isystem "$headers" -isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include" \
        -DFMT_HEADER_ONLY -DSPDLOG_HEADER_ONLY -DSPDLOG_FMT_EXTERNAL >"$folder/$module.txt" 2>&1; then
        rm "$folder/$module.txt"
      fi
    } &
  done
  wait
  for module in "$folder"/*.txt; do
    [ -e "$module" ] || continue
    failed=$((failed + 1))
    echo "=== $(basename "$module" .txt)"
    grep -m 5 -E 'error|Error' "$module" || tail -n 5 "$module"
  done
  echo "syntax: ${#modules[@]} units checked, $failed of them fail"
  [ $failed = 0 ]
}
