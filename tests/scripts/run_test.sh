#!/usr/bin/env bash
# scripts/run configures a build folder again where it has to, and what it needs but cannot install is said with what to
# do. Programs that build and install are replaced by others that write down how they were called.
#
#   tests/scripts/run_test.sh REPOSITORY
set -uo pipefail
repository=$1
work=$(cd "$(mktemp -d)" && pwd -P)
trap 'rm -rf "$work"' EXIT
failures=0
complain() {
  echo "$*" >&2
  failures=$((failures + 1))
}

# stand_in FILE: a program that writes its name and its arguments into $work/calls, then runs what stdin has.
stand_in() {
  local name
  name=$(basename "$1")
  mkdir -p "$(dirname "$1")"
  { echo "#!/bin/bash" && echo "echo \"$name \$*\" >>'$work/calls'" && cat; } >"$1"
  chmod +x "$1"
}

clone=$work/a/mnist
mkdir -p "$clone" "$work/own libtorch"
cp -r "$repository/scripts" "$clone/"
stand_in "$clone/scripts/install_packages" </dev/null
stand_in "$work/bin/cmake" <<'EOF'
folder=$(sed -n 's/.* -B \([^ ]*\) .*/\1/p' <<<"$*")
[ -z "$folder" ] || {
  mkdir -p "$folder" && touch "$folder/build.ninja"
  printf 'LibTorch_ROOT:UNINITIALIZED=%s\nCMAKE_HOME_DIRECTORY:INTERNAL=%s\n' "$LibTorch_ROOT" "$(pwd -P)" \
    >"$folder/CMakeCache.txt"
}
EOF

# build FOLDER LIBTORCH: calls scripts/run build, and leaves in `calls` what it called.
build() {
  rm -f "$work/calls"
  env "PATH=$work/bin:$PATH" "LibTorch_ROOT=$2" "$1/scripts/run" build >"$work/log" 2>&1 ||
    complain "scripts/run build: exit code $?: $(cat "$work/log")"
  calls=$(cat "$work/calls")
}
is_configured='cmake --fresh --preset release'
build "$clone" "$work/own libtorch"
[[ "$calls" == *"$is_configured"* ]] || complain "a new clone is not configured: $calls"
build "$clone" "$work/own libtorch"
[[ "$calls" != *"$is_configured"* ]] || complain "an unchanged clone is configured again: $calls"
[[ "$calls" == *"cmake --build build/release"* ]] || complain "an unchanged clone is not built: $calls"
build "$clone" "$work/another"
[[ "$calls" == *"$is_configured"* ]] || complain "with another LibTorch it is not configured again: $calls"
mv "$work/a" "$work/b"
build "$work/b/mnist" "$work/another"
[[ "$calls" == *"$is_configured"* ]] || complain "a moved clone is not configured again: $calls"
ln -s b "$work/link"
build "$work/link/mnist" "$work/another"
[[ "$calls" != *"$is_configured"* ]] || complain "under another name the same clone is configured again: $calls"

# Missing packages without the right to install them: what is missing, and both ways out.
cp -r "$repository/scripts/install_packages" "$work/b/mnist/scripts/"
for name in c++ cmake ninja python3 apt-get; do
  stand_in "$work/user/$name" </dev/null
done
stand_in "$work/user/dpkg-query" </dev/null # no package is installed
stand_in "$work/user/id" <<<'echo 1000'
stand_in "$work/user/sudo" <<<'exit 1'
text=$(env "PATH=$work/user:$PATH" "$work/b/mnist/scripts/install_packages" 2>&1)
code=$?
[ $code = 1 ] || complain "install_packages without rights: exit code $code"
for part in "missing packages that could not be installed: libcairo2-dev " \
  "hint: run: sudo apt-get update && sudo apt-get" "pixi run build"; do
  [[ "$text" == *"$part"* ]] || complain "'$part' is not in: $text"
done
[ $failures = 0 ]
