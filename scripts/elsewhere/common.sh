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

# configure FOLDER OPTION...: a release build in FOLDER that compiles through ccache, where it is there.
configure() {
  local folder=$1
  shift
  cmake --preset release -B "$folder" -DMNIST_CUDA=OFF -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" "$@"
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
  ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel 2 --tests-regex "^($modules)(\\.|\$)"
}
