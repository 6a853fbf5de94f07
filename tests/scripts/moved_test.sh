#!/usr/bin/env bash
# A program that was moved with its clone loads the LibTorch that was moved with it, not one where the clone was.
#
#   tests/scripts/moved_test.sh SOURCE PROGRAM LIBTORCH
#
# SOURCE is the clone, which contains PROGRAM and the folder LIBTORCH.
set -euo pipefail
program=${2#"$1"/}
libtorch=${3#"$1"/}
work=$(cd "$(mktemp -d)" && pwd -P)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/$(dirname "$program")" "$work/$(dirname "$libtorch")"
cp "$2" "$work/$program"
ln -s "$3" "$work/$libtorch"
loaded=$(ldd "$work/$program" | sed -n 's/.*libtorch_cpu\.so => \(.*\) (.*/\1/p')
if [ "$(realpath --no-symlinks "$loaded")" != "$work/$libtorch/lib/libtorch_cpu.so" ]; then
  echo "moved to $work, $program loads '$loaded'" >&2
  exit 1
fi
