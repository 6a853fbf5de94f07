# Sourced by the scripts in this folder: a training run with fixed options. Runs build/release/bin/mnist, or $MNIST.
# shellcheck shell=bash
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=scripts/common.sh
source "$repository/scripts/common.sh"

# reproduce COUNT OPTIONS... -- ARGUMENTS...: trains with the options and the script's arguments, of which the first
# COUNT (1: DIR, 2: DIR and WEIGHTS) are required. --help prints the script's head comment.
reproduce() {
  local count=$1 options=()
  shift
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  case "${1-}" in
    -h | --help) print_head_comment "$0" && exit ;;
  esac
  [ $# -ge "$count" ] || fail 2 "$count arguments are needed, $# given" "$0 --help"
  options+=(--data-dir "$1")
  [ "$count" = 1 ] || options+=(--weights "$2")
  shift "$count"
  local mnist=${MNIST:-$repository/build/release/bin/mnist}
  [ -x "$mnist" ] || fail 1 "$mnist is not there" "scripts/run build makes it; or name the program in MNIST"
  exec "$mnist" train "${options[@]}" "$@"
}
